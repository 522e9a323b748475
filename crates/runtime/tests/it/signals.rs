//! The stop of a real process.

use std::time::{Duration, Instant};

use crate::child::{Running, start};

fn serve(behaviour: &str, deadline: &str) -> Running {
    let settings = [
        ("AMQP_URL", "amqp://me:correct-horse-battery@host/v"),
        ("JWT_ISSUER", behaviour),
        ("STOP_DEADLINE_SECONDS", deadline),
        ("LOG_LEVEL", "info"),
    ];
    let mut running = start("serve", &settings);
    running.wait_for("probe is up");
    running
}

#[test]
fn term_and_int_stop_softly_with_code_0() {
    for signal in ["TERM", "INT"] {
        let running = serve("good", "30");
        running.signal(signal);
        let (code, _, errors) = running.end();
        assert_eq!(code, 0, "{signal}: {errors}");
        assert!(errors.contains("connector stopped"), "{errors}");
    }
}

#[test]
fn a_second_signal_stops_a_service_that_does_not_end() {
    let mut running = serve("deaf", "3600");
    running.signal("TERM");
    running.wait_for("stopping");
    assert!(running.survives(Duration::from_millis(300)));
    running.signal("INT");
    let (code, _, errors) = running.end();
    assert_eq!(code, 3, "{errors}");
}

#[test]
fn the_deadline_stops_a_service_that_does_not_end() {
    let running = serve("deaf", "1");
    let began = Instant::now();
    running.signal("TERM");
    let (code, _, errors) = running.end();
    assert_eq!(code, 3, "{errors}");
    assert!(began.elapsed() >= Duration::from_secs(1) && errors.contains("took too long"), "{errors}");
}

#[test]
fn a_failed_background_task_is_told_and_the_service_goes_on() {
    let mut running = serve("no-run", "5");
    running.wait_for("task fails failed");
    running.signal("TERM");
    assert_eq!(running.end().0, 0);
}
