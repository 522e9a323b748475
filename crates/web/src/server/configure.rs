//! A service's routes without their type, so that a service can keep its [`super::Server`] in a plain field.

use actix_web::web::ServiceConfig;

/// A function that mounts routes and can be given to each worker thread.
pub(super) trait Configure: Send {
    fn mount(&self, config: &mut ServiceConfig);
    fn boxed(&self) -> Box<dyn Configure>;
}

impl<F: Fn(&mut ServiceConfig) + Clone + Send + 'static> Configure for F {
    fn mount(&self, config: &mut ServiceConfig) {
        self(config);
    }

    fn boxed(&self) -> Box<dyn Configure> {
        Box::new(self.clone())
    }
}

/// A clonable box of it.
pub(super) struct Routes(pub Box<dyn Configure>);

impl Routes {
    pub fn mount(&self, config: &mut ServiceConfig) {
        self.0.as_ref().mount(config);
    }
}

impl Clone for Routes {
    fn clone(&self) -> Self {
        Self(self.0.boxed())
    }
}
