use std::io::Write;

use super::*;

fn only(errors: ConfigErrors) -> ConfigError {
    let errors: Vec<_> = errors.iter().cloned().collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors[0].clone()
}

#[test]
fn a_missing_value_names_the_variable_what_it_is_and_the_remedy() {
    let error = only(Env::from_pairs([("X", "1")]).required("JWT_ISSUER").unwrap_err());
    assert_eq!(error.name, "JWT_ISSUER");
    assert!(error.problem.contains("is not set (If set, the `iss`"), "{error}");
    let error = only(Env::from_pairs([("X", "1")]).secret("AMQP_URL").unwrap_err());
    assert!(error.remedy.contains("AMQP_URL_FILE"), "{error}");
}

#[test]
fn an_empty_value_counts_as_not_set_and_defaults_come_from_the_example() {
    let env = Env::from_pairs([("STREAM_CHECK_SECONDS", "  "), ("JWT_ISSUER", "")]);
    assert_eq!(env.seconds("STREAM_CHECK_SECONDS").unwrap(), Duration::from_secs(15));
    assert_eq!(env.optional("JWT_ISSUER"), None);
    assert_eq!(env.parse_or("GMAIL_POLL_INTERVAL_SECONDS", 7_u32).unwrap(), 7);
}

#[test]
fn a_malformed_value_is_told_with_its_type() {
    let env = Env::from_pairs([("SPAM_HOLD_SECONDS", "soon"), ("OAUTH_AUTO_CONFIRM", "maybe")]);
    let error = only(env.seconds("SPAM_HOLD_SECONDS").unwrap_err());
    assert!(error.problem.contains("\"soon\"") && error.remedy.contains("whole seconds"), "{error}");
    assert!(only(env.flag("OAUTH_AUTO_CONFIRM").unwrap_err()).remedy.contains("true or false"));
}

#[test]
fn older_names_are_read_in_their_order() {
    assert_eq!(Env::from_pairs([("GMAIL_CLIENT_ID", "a")]).optional("GOOGLE_CLIENT_ID").as_deref(), Some("a"));
    let both = Env::from_pairs([("GMAIL_CLIENT_ID", "a"), ("GOOGLE_CLIENT_ID", "b")]);
    assert_eq!(both.optional("GOOGLE_CLIENT_ID").as_deref(), Some("b"));
    assert_eq!(Env::from_pairs([("ENCRYPTION_KEY", "k")]).secret("ENCRYPTION_KEYS").unwrap().expose(), "k");
}

#[test]
fn a_secret_comes_from_a_file_too_but_not_from_both() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "hunter2hunter2").unwrap();
    let path = file.path().to_str().unwrap();
    let env = Env::from_pairs([("JWT_SECRET_FILE", path)]);
    assert_eq!(env.secret("JWT_SECRET").unwrap().expose(), "hunter2hunter2");
    let env = Env::from_pairs([("JWT_SECRET_FILE", path), ("JWT_SECRET", "other")]);
    let error = only(env.secret("JWT_SECRET").unwrap_err());
    assert!(error.problem.contains("both") && !error.to_string().contains("other"), "{error}");
    let env = Env::from_pairs([("JWT_SECRET_FILE", "/nowhere/at/all")]);
    assert!(only(env.secret("JWT_SECRET").unwrap_err()).problem.contains("/nowhere/at/all"));
}

#[test]
fn errors_and_debug_never_show_a_secret() {
    let env = Env::from_pairs([("AMQP_URL", "hunter2"), ("JWT_SECRET", "hunter2")]);
    let error = env.malformed("AMQP_URL", "no scheme");
    assert!(!error.to_string().contains("hunter2") && !format!("{env:?}").contains("hunter2"));
}

#[test]
fn lists_are_trimmed() {
    let env = Env::from_pairs([("CORS_ALLOWED_ORIGINS", " https://a , ,https://b,")]);
    assert_eq!(env.list("CORS_ALLOWED_ORIGINS"), ["https://a", "https://b"]);
}
