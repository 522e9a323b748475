//! Migrations go up, down and up again, and say what they did.

use storage::{Spec, migrate};

use crate::harness::{MIGRATIONS, fresh};

#[tokio::test(flavor = "multi_thread")]
async fn the_base_goes_up_down_and_up() {
    let test = fresh().await;
    let url = migrate::derived_service_url(&test.admin_url, &Spec::GATEWAY).unwrap();
    assert!(migrate::run(&test.admin_url, &url, &Spec::GATEWAY, MIGRATIONS).await.unwrap().is_empty());
    let reverted = migrate::revert_all(&test.admin_url, &Spec::GATEWAY, MIGRATIONS).await.unwrap();
    let again = migrate::run(&test.admin_url, &url, &Spec::GATEWAY, MIGRATIONS).await.unwrap();
    assert_eq!(again.len(), reverted);
}
