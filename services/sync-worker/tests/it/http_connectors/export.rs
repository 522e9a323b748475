//! `GET /api/v1/connectors/{id}/export`: every mail, byte by byte, and nobody else's.

use chrono::TimeDelta;
use postrider_gmail_sim::Deliver;

use crate::http_world::{ANN, Account, BEN, World};

/// The mails of an mbox file, as a reader of the reversible form takes them apart.
fn mails(file: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut mails: Vec<(String, Vec<u8>)> = Vec::new();
    for line in file.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b"From ") {
            mails.push((String::from_utf8(line.to_vec()).unwrap(), Vec::new()));
            continue;
        }
        let quotes = line.iter().take_while(|byte| **byte == b'>').count();
        let quoted = quotes > 0 && line[quotes..].starts_with(b"From ");
        mails.last_mut().unwrap().1.extend_from_slice(if quoted { &line[1..] } else { line });
    }
    for (_, mail) in &mut mails {
        assert_eq!(mail.pop(), Some(b'\n'), "an empty line ends each mail");
    }
    mails
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_every_mail_as_gmail_gave_it_in_order() {
    let world = World::new(&[(ANN, 0)]).await;
    let gmail = world.sim.world();
    let start = gmail.now() - TimeDelta::hours(30);
    let odd =
        b"From: Zoe <zoe@example.org>\r\nSubject: odd\r\n\r\nFrom here\r\n>From there\r\n\r\nFrom \r\nno line end"
            .to_vec();
    // Large enough to lie in chunks and to be sent in pieces; lines that look like separators stand everywhere in it.
    let mut large = b"Subject: large\r\n\r\n".to_vec();
    while large.len() < 2_500_000 {
        large.extend_from_slice(b"From a\n>From b\r\nFrom\nFFrom \n>>Fro\n");
    }
    large.extend_from_slice(b"From");
    let mut sources = vec![odd, b"\0\0\xff\xfe no mail".to_vec(), large];
    // More than a page of them.
    sources.extend((0..230).map(|n| format!("From: a{n}@example.org\r\nSubject: {n}\r\n\r\n{n}\r\n").into_bytes()));
    let deliver = |(minute, raw): (i64, &Vec<u8>)| Deliver {
        raw: Some(raw.clone()),
        // Several of one moment.
        internal_date: Some(start + TimeDelta::minutes(minute / 3)),
        labels: Some(vec![["INBOX", "SPAM", "TRASH"][minute as usize % 3].to_owned()]),
        ..Deliver::default()
    };
    let ids = gmail.deliver_all(ANN, (0_i64..).zip(&sources).map(deliver).collect()).unwrap();
    let ann = world.connect("acme", "ann", ANN).await;
    let gone = 100;
    gmail.delete(ANN, ids[gone]).unwrap();
    world.sync(&ann).await;

    let answer = world.get(&ann, &format!("/api/v1/connectors/{}/export", ann.id)).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/mbox"));
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"ann@example.com.mbox\"");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    let mails = mails(&answer.bytes);
    let mut written: Vec<Vec<u8>> = mails.iter().map(|(_, mail)| mail.clone()).collect();
    let ended = |mut mail: Vec<u8>| {
        if !mail.ends_with(b"\n") {
            mail.push(b'\n');
        }
        mail
    };
    let mut wanted: Vec<Vec<u8>> =
        sources.iter().enumerate().filter(|(n, _)| *n != gone).map(|(_, mail)| ended(mail.clone())).collect();
    assert!(mails[0].0.starts_with("From ") && mails.len() == wanted.len(), "{} mails", mails.len());
    assert!(mails.iter().any(|(line, _)| line.starts_with("From zoe@example.org ")));
    written.sort();
    wanted.sort();
    assert!(written == wanted, "the mails differ");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_goes_on_after_the_account_ended_and_is_nobody_elses() {
    let world = World::new(&[(ANN, 2), (BEN, 1)]).await;
    let ann = world.connect("acme", "ann", ANN).await;
    let ben = world.connect("acme", "ben", BEN).await;
    world.tell(&ann, "disconnected", Default::default()).await;
    let path = format!("/api/v1/connectors/{}/export", ann.id);
    let answer = world.get(&ann, &path).await;
    assert_eq!((answer.status, mails(&answer.bytes).len()), (200, 2));
    for who in [&ben, &Account::stranger("globex", "ann"), &Account::stranger("acme", "nobody")] {
        world.get(who, &path).await.is_problem(404, "another's mailbox");
    }
    for bad in ["7", "%00", "00000000-0000-7000-8000-000000000000"] {
        let path = format!("/api/v1/connectors/{bad}/export");
        world.get(&ann, &path).await.is_problem(404, &path);
    }
}
