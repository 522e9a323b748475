//! Everything but `serve` to its end.

use crate::child::start;

const AMQP: (&str, &str) = ("AMQP_URL", "amqp://me:correct-horse-battery@host/v");

#[test]
fn wrong_settings_are_all_told_at_once_with_code_2() {
    let (code, _, errors) = start("serve", &[("SPAM_HOLD_SECONDS", "soon"), ("GOOGLE_CLIENTID", "x")]).end();
    assert_eq!(code, 2, "{errors}");
    for words in ["SPAM_HOLD_SECONDS", "AMQP_URL_FILE", "JWT_ISSUER is not set", "Did you mean GOOGLE_CLIENT_ID?"] {
        assert!(errors.contains(words), "{words}:\n{errors}");
    }
}

#[test]
fn check_config_shows_what_counts_and_hides_secrets() {
    let (code, out, errors) = start("check-config", &[AMQP, ("JWT_ISSUER", "me")]).end();
    assert_eq!(code, 0, "{errors}");
    for words in ["AMQP_URL", "(hidden)", "JWT_ISSUER", "LOG_LEVEL", "default"] {
        assert!(out.contains(words), "{words}:\n{out}");
    }
    assert!(!out.contains("correct-horse") && !errors.contains("correct-horse"));
    let (code, out, errors) = start("check-config", &[AMQP]).end();
    assert_eq!((code, out.contains("JWT_ISSUER")), (2, true), "{errors}");
}

#[test]
fn commands_a_service_does_not_have_say_so() {
    for (args, words) in [("migrate", "owns no schema"), ("dead-letters list", "consumes no queue")] {
        let (code, _, errors) = start(args, &[]).end();
        assert!(code == 1 && errors.contains(words), "{code} {errors}");
    }
}

#[test]
fn topology_help_and_nonsense() {
    let (code, out, _) = start("topology", &[]).end();
    assert!(code == 0 && out.contains("postrider.events"), "{out}");
    assert_eq!(start("--help", &[]).end().0, 0);
    assert_eq!(start("fly", &[]).end().0, 2);
}

#[test]
fn healthcheck_fails_when_nothing_listens() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (code, _, errors) = start("healthcheck", &[("CONNECTOR_ADDR", &free)]).end();
    assert!(code == 1 && errors.contains("nothing listens"), "{errors}");
}

#[test]
fn a_build_that_fails_ends_the_process_with_its_reason() {
    let (code, _, errors) = start("serve", &[AMQP, ("JWT_ISSUER", "no-build")]).end();
    assert!(code == 1 && errors.contains("the disk is full"), "{errors}");
}
