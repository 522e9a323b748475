//! A mail server that fails, refuses or does not answer, and replicas that die.

use chrono::TimeDelta;
use postrider_notification::rules::Mark;

use super::office;
use crate::mail_server::Reply;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_fails_is_tried_again_under_the_same_id_and_one_that_refuses_is_not() {
    let office = office().await;
    office.server.replies([Reply::Content("451 4.7.1 later"), Reply::Break]);
    office.raise("again").await;
    office.send().await;
    assert_eq!(office.mails().await, ["pending status"]);
    office.clock.advance(TimeDelta::seconds(5));
    office.send().await;
    // The content was cut off: the server may have taken what it had.
    assert_eq!(office.mails().await, ["pending doubtful doubtful"]);
    office.clock.advance(TimeDelta::seconds(30));
    office.send().await;
    assert_eq!(office.mails().await, ["delivered doubtful"]);
    office.server.replies([Reply::Recipient("550 5.1.1 no such user")]);
    office.raise("refused").await;
    office.send().await;
    office.clock.advance(TimeDelta::days(1));
    office.send().await;
    assert_eq!(office.mails().await[1], "failed refused");
    assert_eq!(office.server.taken().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_without_an_answer_is_sent_once_more_and_then_named_doubtful() {
    let office = office().await;
    office.server.replies([Reply::TakeAndClose, Reply::TakeAndHang]);
    office.raise("doubt").await;
    office.send().await;
    office.clock.advance(TimeDelta::seconds(5));
    office.send().await;
    office.clock.advance(TimeDelta::days(2));
    office.send().await;
    assert_eq!(office.mails().await, ["failed doubtful doubtful"]);
    let [one, two] = office.server.taken().try_into().unwrap();
    assert_eq!(one.message_id(), two.message_id());
    assert_eq!((office.tried("doubtful"), office.tried("kept_doubtful")), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_dies_before_the_answer_leaves_a_doubtful_mail_and_one_that_is_slow_leaves_none() {
    let office = office().await;
    office.server.replies([Reply::TakeAndHang]);
    office.raise("killed").await;
    let postman = office.postman();
    #[expect(clippy::disallowed_methods, reason = "killed below")]
    let killed = tokio::spawn(async move { postman.work().await });
    let first = office.server.took(1).await[0].message_id();
    killed.abort();
    let _aborted = killed.await;
    // Its claim holds for a minute: nobody sends it a second time while it may still be at it.
    office.send().await;
    assert_eq!((office.server.taken().len(), office.mails().await), (1, vec!["pending".to_owned()]));
    office.forget_claims().await;
    office.send().await;
    let taken = office.server.taken();
    assert_eq!((taken.len(), taken[1].message_id()), (2, first));
    assert_eq!(office.mails().await, ["delivered doubtful"]);
    assert_eq!(office.tried("kept_doubtful"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doubtful_mail_that_need_not_be_sent_again_stays_named_as_doubtful() {
    let office = office().await;
    office.server.replies([Reply::TakeAndHang]);
    let id = office.raise("killed").await;
    let postman = office.postman();
    #[expect(clippy::disallowed_methods, reason = "killed below")]
    let killed = tokio::spawn(async move { postman.work().await });
    office.server.took(1).await;
    killed.abort();
    let _aborted = killed.await;
    office.mark(&id, Mark::Read).await;
    office.forget_claims().await;
    office.send().await;
    assert_eq!(
        (office.server.taken().len(), office.mails().await),
        (1, vec!["skipped read_already doubtful".to_owned()])
    );
    assert_eq!(office.tried("kept_doubtful"), 1);
}
