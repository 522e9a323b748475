use super::*;

fn patch(json: &str) -> SettingsPatch {
    serde_json::from_str(json).unwrap()
}

#[test]
fn what_is_left_out_stays_and_null_is_the_default() {
    let first =
        patch(r#"{"polling_interval": "fast", "include_spam_trash": true}"#).apply(&Settings::default()).unwrap();
    assert_eq!(first.polling_interval.map(PollingInterval::seconds), Some(60));
    let second = patch(r#"{"polling_interval": null, "attachments": "eager"}"#).apply(&first).unwrap();
    assert_eq!(second.polling_interval, None);
    assert!(second.include_spam_trash);
    assert_eq!(second.attachments, Attachments::Eager);
}

#[test]
fn every_member_out_of_its_limits_is_named() {
    let faults = patch(r#"{"polling_interval": 1, "attachment_max_bytes": 0, "sync_since": "1812-01-01T00:00:00Z"}"#)
        .apply(&Settings::default())
        .unwrap_err();
    let names: Vec<_> = faults.iter().map(|fault| fault.0).collect();
    assert_eq!(names, ["settings.polling_interval", "settings.attachment_max_bytes", "settings.sync_since"]);
}

#[test]
fn unknown_members_and_wrong_types_do_not_parse() {
    for bad in [
        r#"[]"#,
        r#"{"poll": 1}"#,
        r#"{"polling_interval": "often"}"#,
        r#"{"polling_interval": -1}"#,
        r#"{"attachments": "some"}"#,
        r#"{"label_ids": ["a\u0000b"]}"#,
        r#"{"label_ids": "INBOX"}"#,
        r#"{"label_ids": [""]}"#,
        r#"{"sync_since": "yesterday"}"#,
    ] {
        assert!(serde_json::from_str::<SettingsPatch>(bad).is_err(), "{bad}");
    }
}

#[test]
fn settings_read_back_from_the_database_form() {
    let settings = patch(r#"{"polling_interval": 90, "label_ids": ["b", "a", "a"], "label_filter_action": "exclude"}"#)
        .apply(&Settings::default())
        .unwrap();
    let json = serde_json::to_value(&settings).unwrap();
    assert_eq!(serde_json::from_value::<Settings>(json).unwrap(), settings);
    let event = settings.to_proto();
    assert_eq!(event.label_ids, ["a", "b"]);
    assert_eq!((event.poll_interval_seconds, event.label_filter_action.as_str()), (90, "exclude"));
}

#[test]
fn a_row_of_an_older_version_gets_the_defaults() {
    let settings: Settings = serde_json::from_str("{}").unwrap();
    assert_eq!(settings, Settings::default());
    assert_eq!(settings.to_proto().label_filter_action, "");
}
