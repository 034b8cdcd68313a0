//! Reading and checking Backstage templates: YAML with spans, the expression language, types, rules and
//! reports. It knows actions only through their schemas, and opens no network connection.

pub mod expression;
pub mod types;
pub mod yaml;
