//! IAM policies: whether somebody has a role, and the same policy with it. What else stands in one is kept as it is.

use serde_json::{Value, json};

/// Whether the member has one of the roles, always: a grant under a condition does not count.
pub fn grants(policy: &Value, roles: &[&str], member: &str) -> bool {
    let of = |binding: &&Value| {
        binding.get("condition").is_none()
            && binding.get("role").and_then(Value::as_str).is_some_and(|role| roles.contains(&role))
    };
    let has = |binding: &Value| binding.get("members").and_then(Value::as_array).is_some_and(|all| names(all, member));
    bindings(policy).iter().filter(of).any(has)
}

/// The policy with the member in that role.
pub fn with_grant(mut policy: Value, role: &str, member: &str) -> Value {
    let mut bindings = bindings(&policy).to_vec();
    let own = bindings.iter_mut().find(|binding| {
        binding.get("condition").is_none() && binding.get("role").and_then(Value::as_str) == Some(role)
    });
    match own.and_then(|binding| binding.get_mut("members")).and_then(Value::as_array_mut) {
        Some(members) => members.push(json!(member)),
        None => bindings.push(json!({"role": role, "members": [member]})),
    }
    if let Some(fields) = policy.as_object_mut() {
        fields.insert("bindings".to_owned(), Value::Array(bindings));
        return policy;
    }
    json!({"bindings": bindings})
}

fn bindings(policy: &Value) -> &[Value] {
    policy.get("bindings").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn names(members: &[Value], member: &str) -> bool {
    members.iter().filter_map(Value::as_str).any(|one| one == member || one == "allUsers")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_added_beside_what_is_there() {
        let role = "roles/pubsub.publisher";
        let sometimes = json!({"role": role, "members": ["serviceAccount:a"], "condition": {"expression": "false"}});
        let policy = json!({"version": 3, "etag": "x", "bindings": [sometimes, {"role": role, "members": ["user:b"]}]});
        assert!(!grants(&policy, &[role], "serviceAccount:a"), "only under a condition");
        let with = with_grant(policy, role, "serviceAccount:a");
        assert!(grants(&with, &[role], "serviceAccount:a"));
        assert_eq!(with["bindings"][0], sometimes);
        assert_eq!(with["bindings"][1]["members"], json!(["user:b", "serviceAccount:a"]));
        assert_eq!((&with["etag"], &with["version"]), (&json!("x"), &json!(3)));
    }

    #[test]
    fn an_empty_policy_gets_its_first_binding() {
        for empty in [json!({"etag": "ACAB"}), json!({}), Value::Null] {
            let with = with_grant(empty, "roles/x", "user:a");
            assert!(grants(&with, &["roles/y", "roles/x"], "user:a"), "{with}");
            assert!(!grants(&with, &["roles/y"], "user:a") && !grants(&with, &["roles/x"], "user:b"));
        }
    }
}
