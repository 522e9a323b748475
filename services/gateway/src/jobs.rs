//! Timed work of this service.

mod forget_budgets;

pub use forget_budgets::forget_budgets;
