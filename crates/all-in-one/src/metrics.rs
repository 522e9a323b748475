//! The services' metrics as one: each metric says whose it is.

use prometheus::core::{Collector, Desc};
use prometheus::proto::{LabelPair, MetricFamily};
use prometheus::{Opts, Registry};

/// The label that tells whose metric it is.
const SERVICE: &str = "service";

/// Reads the services' registries whenever the process's own is read.
pub(crate) struct Services {
    registries: Vec<(&'static str, Registry)>,
    /// A registry asks every collector for one; it names nothing that is exported.
    desc: Desc,
}

impl Services {
    pub fn new(registries: impl IntoIterator<Item = (&'static str, Registry)>) -> prometheus::Result<Self> {
        let desc = prometheus::core::Describer::describe(&Opts::new("postrider_services", "All services' metrics."))?;
        Ok(Self { registries: registries.into_iter().collect(), desc })
    }
}

impl Collector for Services {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let of = |(service, registry): &(&'static str, Registry)| {
            let mut families = registry.gather();
            families.iter_mut().for_each(|family| mark(family, service));
            families
        };
        self.registries.iter().flat_map(of).collect()
    }
}

/// Says whose metrics these are, unless they say so themselves.
fn mark(family: &mut MetricFamily, service: &str) {
    for metric in family.mut_metric() {
        if metric.get_label().iter().any(|label| label.name() == SERVICE) {
            continue;
        }
        let mut label = LabelPair::default();
        label.set_name(SERVICE.to_owned());
        label.set_value(service.to_owned());
        let mut labels = metric.get_label().to_vec();
        labels.push(label);
        labels.sort_by(|one, other| one.name().cmp(other.name()));
        metric.set_label(labels);
    }
}

#[cfg(test)]
mod tests {
    use postrider_runtime::telemetry::metrics::{counter, counter_vec, text};

    use super::*;

    #[test]
    fn a_metric_of_two_services_is_one_family_with_a_line_of_each() {
        let [own, one, other] = [(); 3].map(|()| Registry::new());
        for registry in [&one, &other] {
            counter(registry, "postrider_things_total", "Things.").inc();
        }
        counter_vec(&other, "postrider_named_total", "Named.", &["service"]).with_label_values(&["itself"]).inc();
        own.register(Box::new(Services::new([("one", one), ("other", other)]).unwrap())).unwrap();
        let text = text(&own);
        assert_eq!(text.matches("# TYPE postrider_things_total counter").count(), 1, "{text}");
        assert!(text.contains("postrider_things_total{service=\"one\"} 1"), "{text}");
        assert!(text.contains("postrider_things_total{service=\"other\"} 1"), "{text}");
        assert!(text.contains("postrider_named_total{service=\"itself\"} 1"), "{text}");
    }
}
