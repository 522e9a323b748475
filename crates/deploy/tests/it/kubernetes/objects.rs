//! Manifests as typed objects. What a type has no place for is a fault, and so is a kind that is not expected here.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Service};
use k8s_openapi::api::networking::v1::{Ingress, NetworkPolicy};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_yaml_ng::Value;
use std::collections::BTreeMap;

/// All of a rendering.
#[derive(Debug, Default)]
pub struct Objects {
    /// `kind name namespace` of each.
    pub all: Vec<(String, String, Option<String>)>,
    pub deployments: Vec<Deployment>,
    pub jobs: Vec<Job>,
    pub services: Vec<Service>,
    pub settings: Vec<ConfigMap>,
    pub ingresses: Vec<Ingress>,
    pub policies: Vec<NetworkPolicy>,
    pub budgets: Vec<PodDisruptionBudget>,
    pub autoscalers: Vec<HorizontalPodAutoscaler>,
    pub scaled: Vec<Object<ScaledObject>>,
    pub authentications: Vec<Object<TriggerAuthentication>>,
}

/// An object of somebody else's kind, as far as we write it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Object<S> {
    #[serde(rename = "apiVersion")]
    _api_version: String,
    #[serde(rename = "kind")]
    _kind: String,
    pub metadata: Metadata,
    pub spec: S,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metadata {
    pub name: String,
    #[serde(rename = "namespace")]
    _namespace: Option<String>,
}

/// https://keda.sh/docs/2.17/reference/scaledobject-spec/
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ScaledObject {
    pub scale_target_ref: Named,
    pub min_replica_count: u32,
    pub max_replica_count: u32,
    #[serde(rename = "cooldownPeriod")]
    _cooldown_period: u32,
    pub triggers: Vec<Trigger>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    pub name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Trigger {
    #[serde(flatten)]
    pub scaler: Scaler,
    pub authentication_ref: Named,
}

/// https://keda.sh/docs/2.17/scalers/postgresql/ and …/rabbitmq-queue/
#[derive(Debug, Deserialize)]
#[serde(tag = "type", content = "metadata", rename_all = "lowercase")]
pub enum Scaler {
    Postgresql(PostgresMetadata),
    Rabbitmq(RabbitMetadata),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PostgresMetadata {
    pub query: String,
    #[serde(rename = "targetQueryValue")]
    _target_query_value: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct RabbitMetadata {
    pub queue_name: String,
    pub mode: String,
    #[serde(rename = "value")]
    _value: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TriggerAuthentication {
    pub secret_target_ref: Vec<SecretTarget>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretTarget {
    pub parameter: String,
    pub name: String,
    pub key: String,
}

/// https://cloudnative-pg.io/documentation/current/cloudnative-pg.v1/
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "read to see whether it can be")]
struct PostgresCluster {
    instances: u32,
    image_name: String,
    inherited_metadata: Labels,
    enable_superuser_access: bool,
    bootstrap: Bootstrap,
    postgresql: Parameters,
    storage: Storage,
    resources: k8s_openapi::api::core::v1::ResourceRequirements,
    backup: Backup,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read to see whether it can be")]
struct Labels {
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read to see whether it can be")]
struct Bootstrap {
    initdb: Initdb,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read to see whether it can be")]
struct Initdb {
    database: String,
    owner: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read to see whether it can be")]
struct Parameters {
    parameters: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read to see whether it can be")]
struct Storage {
    #[serde(alias = "storage")]
    size: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "read to see whether it can be")]
struct Backup {
    retention_policy: String,
    barman_object_store: ObjectStore,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "read to see whether it can be")]
struct ObjectStore {
    destination_path: String,
    s3_credentials: S3,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "read to see whether it can be")]
struct S3 {
    access_key_id: Key,
    secret_access_key: Key,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read to see whether it can be")]
struct Key {
    name: String,
    key: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read to see whether it can be")]
struct ScheduledBackup {
    schedule: String,
    cluster: Named,
}

/// https://www.rabbitmq.com/kubernetes/operator/using-operator
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read to see whether it can be")]
struct RabbitCluster {
    replicas: u32,
    image: String,
    persistence: Storage,
    resources: k8s_openapi::api::core::v1::ResourceRequirements,
    rabbitmq: Rabbit,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "read to see whether it can be")]
struct Rabbit {
    additional_config: String,
}

impl Objects {
    /// Reads every document, or tells what cannot be read.
    pub fn read(text: &str) -> Result<Self, Vec<String>> {
        let (mut objects, mut faults) = (Self::default(), Vec::new());
        for document in serde_yaml_ng::Deserializer::from_str(text) {
            let value = Value::deserialize(document).map_err(|error| vec![error.to_string()])?;
            if let Err(fault) = objects.take(value) {
                faults.push(fault);
            }
        }
        if faults.is_empty() { Ok(objects) } else { Err(faults) }
    }

    fn take(&mut self, value: Value) -> Result<(), String> {
        let text = |path: &[&str]| path.iter().try_fold(&value, |at, name| at.get(name)).and_then(Value::as_str);
        let (version, kind) = (text(&["apiVersion"]).unwrap_or(""), text(&["kind"]).unwrap_or(""));
        let (version, kind) = (version.to_owned(), kind.to_owned());
        let name = text(&["metadata", "name"]).unwrap_or("").to_owned();
        self.all.push((kind.clone(), name.clone(), text(&["metadata", "namespace"]).map(str::to_owned)));
        let what = format!("{kind} {name}");
        match (version.as_str(), kind.as_str()) {
            ("v1", "Namespace") => drop(strict::<Namespace>(value, &what)?),
            ("v1", "ConfigMap") => self.settings.push(strict(value, &what)?),
            ("v1", "Service") => self.services.push(strict(value, &what)?),
            ("apps/v1", "Deployment") => self.deployments.push(strict(value, &what)?),
            ("batch/v1", "Job") => self.jobs.push(strict(value, &what)?),
            ("networking.k8s.io/v1", "Ingress") => self.ingresses.push(strict(value, &what)?),
            ("networking.k8s.io/v1", "NetworkPolicy") => self.policies.push(strict(value, &what)?),
            ("policy/v1", "PodDisruptionBudget") => self.budgets.push(strict(value, &what)?),
            ("autoscaling/v2", "HorizontalPodAutoscaler") => self.autoscalers.push(strict(value, &what)?),
            ("keda.sh/v1alpha1", "ScaledObject") => self.scaled.push(strict(value, &what)?),
            ("keda.sh/v1alpha1", "TriggerAuthentication") => self.authentications.push(strict(value, &what)?),
            ("postgresql.cnpg.io/v1", "Cluster") => drop(strict::<Object<PostgresCluster>>(value, &what)?),
            ("postgresql.cnpg.io/v1", "ScheduledBackup") => drop(strict::<Object<ScheduledBackup>>(value, &what)?),
            ("rabbitmq.com/v1beta1", "RabbitmqCluster") => drop(strict::<Object<RabbitCluster>>(value, &what)?),
            _ => return Err(format!("{what}: {version} {kind} is not expected here")),
        }
        Ok(())
    }
}

/// The object, if its type has a place for every member.
fn strict<T: DeserializeOwned>(value: Value, what: &str) -> Result<T, String> {
    let mut ignored = Vec::new();
    let object = serde_ignored::deserialize(value, |path| ignored.push(path.to_string()));
    let object = object.map_err(|error| format!("{what}: {error}"))?;
    if ignored.is_empty() { Ok(object) } else { Err(format!("{what}: no such member: {}", ignored.join(", "))) }
}
