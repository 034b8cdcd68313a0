//! The expression language of `${{ }}`.
