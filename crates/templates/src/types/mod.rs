//! Types of values in a template.
