//! The versions of Backstage, as far as templates mean something else in them.

use crate::expression::Engine;

/// What a version of Backstage does with templates.
#[derive(Clone, Copy, Debug)]
pub struct Backstage {
    /// What renders expressions.
    pub engine: Engine,
    /// Whether conditions have `always()` and `failure()`.
    pub status_checks: bool,
}

/// The first release of Backstage, and the first version of the scaffolder's backend, that is so.
type Since = ((u32, u32, u32), (u32, u32, u32));
const NUNJITSU: Since = ((1, 54, 0), (4, 0, 3));
const STATUS_CHECKS: Since = ((1, 51, 0), (4, 0, 0));

impl Default for Backstage {
    fn default() -> Self {
        Self {
            engine: Engine::Nunjitsu,
            status_checks: true,
        }
    }
}

impl Backstage {
    /// Of a release, such as `1.55.0`, or of a version of `@backstage/plugin-scaffolder-backend`, such as `4.2.0`.
    /// There was no version 1 of the latter that could read today's templates, so the two cannot be mistaken.
    pub fn of_version(version: &str) -> Option<Self> {
        let mut numbers = version.trim().trim_start_matches('v').split('.');
        let mut next = || numbers.next().unwrap_or("0").parse().ok();
        let version: (u32, u32, u32) = (next()?, next()?, next()?);
        let reached = |(release, scaffolder): Since| match version.0 {
            0 => None,
            1 => Some(version >= release),
            _ => Some(version >= scaffolder),
        };
        let engine = if reached(NUNJITSU)? {
            Engine::Nunjitsu
        } else {
            Engine::Nunjucks
        };
        Some(Self {
            engine,
            status_checks: reached(STATUS_CHECKS)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_and_versions_of_the_scaffolder() {
        for (version, engine, status_checks) in [
            ("1.55.0", Engine::Nunjitsu, true),
            ("1.54", Engine::Nunjitsu, true),
            ("1.53.2", Engine::Nunjucks, true),
            ("1.50.0", Engine::Nunjucks, false),
            ("4.2.0", Engine::Nunjitsu, true),
            ("4.0.2", Engine::Nunjucks, true),
            ("v3.2.0", Engine::Nunjucks, false),
        ] {
            let backstage = Backstage::of_version(version).expect(version);
            assert_eq!(
                (backstage.engine, backstage.status_checks),
                (engine, status_checks),
                "{version}"
            );
        }
        assert!(Backstage::of_version("newest").is_none());
    }
}
