//! Mailboxes over a long time, with the clock moved from one due time to the next: history never breaks off, nothing is
//! listed again, and what it costs is known. A day in CI; `POSTRIDER_DAYS=30` for a month.

use chrono::TimeDelta;
use postrider_domain::{Clock as _, Timestamp};
use postrider_gmail_sim::{Deliver, Faults};
use postrider_storage::{Value, sql};

use crate::property::number;
use crate::rig::{Rig, rig};

/// What one life cost.
struct Life {
    days: u64,
    units: u64,
    looks: i64,
}

impl Rig {
    async fn due_at(&self) -> Timestamp {
        let tx = self.test.db.tenant(&self.ids.tenant).await.unwrap();
        let due = sql("SELECT greatest(due_at, not_before) AS value FROM mailboxes WHERE connector_id = $1")
            .bind(self.ids.connector)
            .get_result::<Value<Timestamp>>(&tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        due.0
    }

    /// Lives through days in which mail comes every `pause`, with a push each.
    async fn life(&self, days: u64, pause: Option<TimeDelta>) -> Life {
        self.work().await;
        self.live_through(1).await;
        let began = self.ids.clock.now();
        let end = began + TimeDelta::days(i64::try_from(days).unwrap());
        let mut mail = pause.map(|pause| began + pause);
        let (spent, looks) =
            (self.gmail.units(), self.number("SELECT epoch AS value FROM mailboxes WHERE connector_id = $1").await);
        loop {
            let due = self.due_at().await;
            let next = mail.map_or(due, |mail| mail.min(due));
            if next > end {
                break;
            }
            let now = self.ids.clock.now();
            self.ids.clock.advance((next - now).max(TimeDelta::zero()));
            if mail == Some(next) {
                self.deliver();
                self.push(self.head()).await;
                mail = pause.map(|pause| next + pause);
            }
            self.work().await;
        }
        let looks = self.number("SELECT epoch AS value FROM mailboxes WHERE connector_id = $1").await - looks;
        Life { days, units: self.gmail.units() - spent, looks }
    }

    /// Nothing broke off and nothing is missing.
    async fn is_whole(&self) {
        assert_eq!(self.number("SELECT generation::bigint AS value FROM mailboxes WHERE connector_id = $1").await, 1);
        assert_eq!(self.number("SELECT count(*) AS value FROM sync_runs WHERE connector_id = $1").await, 1);
        self.live_through(26).await;
        self.is_right(&[]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_mailbox_and_a_busy_one_are_followed_without_a_gap() {
    let days = number("POSTRIDER_DAYS").unwrap_or(1);
    let quiet = rig(61, 20).await;
    let busy = rig(62, 20).await;
    // Each hour's mail comes to light late and out of order.
    busy.world.set_lag(&busy.ids.address, Faults::Lag.lag()).unwrap();
    busy.world.set_quirks(&busy.ids.address, Faults::Lag.quirks()).unwrap();
    for (name, rig, pause) in [("quiet", &quiet, None), ("busy", &busy, Some(TimeDelta::minutes(7)))] {
        let life = rig.life(days, pause).await;
        rig.is_whole().await;
        let (units, looks) = (life.units / life.days, life.looks / i64::try_from(life.days).unwrap());
        println!("{name}: {units} units and {looks} leases a day over {days} days");
        // A poll of 2 units every five minutes, and 1 for the labels' names, whose changes are to be noticed within a poll
        // interval; 1 every ten minutes to compare counts; a mail is 20 units, and four looks of 2. Polls come up to a tenth
        // early.
        let polls = 800 + 320 + 160;
        let most = if name == "quiet" { polls } else { polls + 206 * 36 };
        assert!(units <= most, "{name}: {units} units a day");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_longer_than_the_historys_life_never_starts_over() {
    let rig = rig(63, 30).await;
    rig.gmail.listing.lock().unwrap().breaks = true;
    rig.live_through(1).await;
    let mut live = Vec::new();
    // The history is kept for seven days; the listing needs twelve.
    for _ in 0..12 {
        live.push(rig.deliver());
        rig.live_through(24).await;
        assert_eq!(rig.mirrored().await.len(), live.len(), "live mail comes beside it");
    }
    rig.gmail.listing.lock().unwrap().breaks = false;
    rig.live_through(3).await;
    rig.is_whole().await;
    rig.is_right(&live).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_from_2038_and_one_from_1970_stand_where_gmail_puts_them_and_cost_nothing_more() {
    let rig = rig(64, 5).await;
    rig.live_through(1).await;
    let raw = b"From: a@example.com\r\nSubject: when\r\nDate: Tue, 99 Foo 12345 99:99:99\r\n\r\nhi\r\n".to_vec();
    let now = rig.ids.clock.now();
    let dates = ["2038-01-19T03:14:08Z", "1970-01-01T00:00:01Z"].map(|date| date.parse::<Timestamp>().unwrap());
    for date in [dates[0], dates[1], now] {
        let mail = Deliver { internal_date: Some(date), raw: Some(raw.clone()), ..Deliver::default() };
        rig.world.deliver(&rig.ids.address, mail).unwrap();
    }
    rig.push(rig.head()).await;
    rig.work().await;
    rig.is_right(&[]).await;
    let ordered = "SELECT count(*) AS value FROM emails e WHERE connector_id = $1 AND subject = 'when' \
      AND received_at IN ('2038-01-19T03:14:08Z', '1970-01-01T00:00:01Z', '2026-01-01T01:00:00Z')";
    assert_eq!(rig.number(ordered).await, 3);
    let spent = rig.gmail.units();
    rig.live_through(24).await;
    // A full day beside them: polls, follow-up looks and labels, no fetch.
    assert!(rig.gmail.units() - spent < 24 * 2 * 14, "{}", rig.gmail.units() - spent);
    rig.is_whole().await;
}
