use std::pin::pin;

use futures_util::FutureExt;

use super::*;

const MIB: usize = 1 << 20;

async fn body(room: &Room, bytes: usize) -> Weight {
    let mut entry = room.enter().await;
    entry.fit(bytes).await;
    entry.hold()
}

#[tokio::test]
async fn weight_is_the_answers_and_comes_back_with_the_last_clone() {
    let memory = Memory::new(4 * MIB);
    for part in [Part::Live, Part::Runs] {
        let small = body(&memory.room(part), 1).await;
        assert_eq!(memory.taken(), 1024);
        let large = body(&memory.room(part), 2 * MIB).await;
        let clone = large.clone();
        drop((large, small));
        assert_eq!(memory.taken(), 2 * MIB);
        drop(clone);
        assert_eq!((memory.taken(), memory.0.runs.available_permits()), (0, 3 * 1024));
    }
}

#[tokio::test]
async fn runs_wait_for_each_other_in_order_and_leave_a_quarter_to_the_live_lane() {
    let memory = Memory::new(4 * MIB);
    let runs = memory.room(Part::Runs);
    let held = body(&runs, 3 * MIB).await;
    let others = memory.room(Part::Runs);
    let (mut second, mut third) = (pin!(runs.enter()), pin!(others.enter()));
    assert!(second.as_mut().now_or_never().is_none() && third.as_mut().now_or_never().is_none());
    assert!(body(&memory.room(Part::Live), MIB).now_or_never().is_some(), "live mail does not wait behind them");
    drop(held);
    let _second = second.await;
    let _third = third.await;
}

#[tokio::test]
async fn of_steps_that_wait_for_each_other_one_goes_on_and_then_the_next() {
    let memory = Memory::new(2 * MIB);
    let rooms = [memory.room(Part::Live), memory.room(Part::Live)];
    let mut held = [body(&rooms[0], MIB).await, body(&rooms[1], MIB).await].map(|weight| vec![weight]);
    let stranger = memory.room(Part::Live);
    let mut strangers = pin!(stranger.enter());
    assert!(strangers.as_mut().now_or_never().is_none(), "who holds nothing waits");
    // Each needs another mail. The first goes beyond, as often as it needs; the other waits for it.
    held[0].push(body(&rooms[0], MIB).now_or_never().expect("one goes on"));
    held[0].push(body(&rooms[0], 40 * MIB).now_or_never().expect("it needs not wait again"));
    let mut other = pin!(rooms[1].enter());
    assert!(other.as_mut().now_or_never().is_none());
    held[0].clear();
    let other = other.now_or_never().expect("what the first gave back");
    let stranger = strangers.now_or_never().expect("and the rest in order");
    drop((other, stranger, held));
    assert_eq!(memory.taken(), 0);
}

#[tokio::test]
async fn calls_that_began_together_do_not_wait_for_what_one_of_them_holds() {
    let memory = Memory::new(MIB);
    let full = body(&memory.room(Part::Live), MIB).await;
    let room = memory.room(Part::Live);
    // Both wait while their room holds nothing; then one of them gets what there is.
    let (mut one, mut two) = (pin!(body(&room, MIB)), pin!(body(&room, MIB)));
    assert!(one.as_mut().now_or_never().is_none() && two.as_mut().now_or_never().is_none());
    drop(full);
    let _one = one.now_or_never().expect("it gets all there is");
    assert!(two.now_or_never().is_some(), "its room holds something: it is the one to go beyond");
}

#[tokio::test]
async fn bodies_of_untold_length_grow_beside_each_other_and_are_counted() {
    let memory = Memory::new(16 * MIB);
    for part in [Part::Live, Part::Runs] {
        let room = memory.room(part);
        let (mut one, mut two) = (room.enter().await, room.enter().await);
        for entry in [&mut one, &mut two] {
            assert!(entry.grow(4 * MIB + 1).now_or_never().is_some(), "there is room for both");
        }
        assert!((8 * MIB..10 * MIB).contains(&memory.taken()));
        drop((one, two));
        assert_eq!(memory.taken(), 0);
    }
}

#[tokio::test]
async fn where_nothing_is_free_one_body_of_all_runs_outgrows_the_budget() {
    let memory = Memory::new(4 * MIB);
    let room = memory.room(Part::Runs);
    let (mut one, mut two) = (room.enter().await, memory.room(Part::Runs).enter().await);
    one.grow(2 * MIB).await;
    one.grow(40 * MIB).await;
    assert!(two.grow(2 * MIB).now_or_never().is_none());
    // The live lane has its own.
    assert!(body(&memory.room(Part::Live), 50 * MIB).now_or_never().is_some());
    drop(one);
    two.grow(2 * MIB).await;
}
