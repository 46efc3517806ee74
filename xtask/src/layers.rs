//! The layers: which crate may depend on which, checked against the manifests.

use std::collections::BTreeMap;

use cargo_metadata::{DependencyKind, Metadata, Package};

/// What a crate of the workspace may depend on within the workspace.
///
/// A name that ends in `*` stands for every name with that beginning that has no row of its own.
struct Layer {
    name: &'static str,
    /// As a normal or a build dependency.
    normal: &'static [&'static str],
    /// As a dev-dependency, besides: never a layer above, which would bring a second copy of this
    /// crate's types into its unit tests; but for [`CONTRACT`], which only integration tests name.
    dev: &'static [&'static str],
}

const fn layer(
    name: &'static str,
    normal: &'static [&'static str],
    dev: &'static [&'static str],
) -> Layer {
    Layer { name, normal, dev }
}

/// What oracles are held to: it stands above the oracle trait, and below no crate but as a test.
const CONTRACT: &str = "cbc-oracle-contract";

/// Every crate of the workspace, each after those it may depend on.
#[rustfmt::skip]
const LAYERS: &[Layer] = &[
    // Plain data in, text out.
    layer("cbc-report",     &[], &[]),
    layer("cbc-message",    &[], &[]),
    layer("cbc-testkit",    &["cbc-message"], &[]),
    layer("cbc-view",       &["cbc-message"], &["cbc-testkit"]),
    layer("cbc-estimator",  &["cbc-message", "cbc-view"], &["cbc-testkit"]),
    layer("cbc-oracle",     &["cbc-message", "cbc-view"], &["cbc-testkit", "cbc-estimator", CONTRACT]),
    layer("cbc-oracle-*",   &["cbc-message", "cbc-view", "cbc-oracle"], &["cbc-testkit", CONTRACT]),
    layer("cbc-validator",  &["cbc-message", "cbc-view", "cbc-estimator", "cbc-oracle"],
                            &["cbc-testkit", "cbc-oracle-*"]),
    layer(CONTRACT,         &["cbc-message", "cbc-view", "cbc-estimator", "cbc-oracle", "cbc-validator"], &[]),
    // Its registry has a row for each oracle, so that no program has a list of its own.
    layer("cbc-simulation", &["cbc-message", "cbc-view", "cbc-estimator", "cbc-oracle", "cbc-oracle-*",
                              "cbc-validator"],
                            &["cbc-testkit"]),
    layer("cbc-experiment", &["cbc-message", "cbc-view", "cbc-estimator", "cbc-oracle", "cbc-validator",
                              "cbc-simulation"],
                            &["cbc-testkit"]),
    layer("cbc-cli",        &["cbc-message", "cbc-view", "cbc-estimator", "cbc-oracle", "cbc-oracle-*",
                              "cbc-validator", "cbc-simulation", "cbc-experiment"],
                            &["cbc-testkit"]),
    layer("cbc-tests",      &["cbc-message", "cbc-view", "cbc-estimator", "cbc-oracle", "cbc-oracle-*",
                              "cbc-validator", CONTRACT, "cbc-simulation", "cbc-experiment", "cbc-cli"],
                            &["cbc-testkit"]),
    // A user of two layers alone, as there are outside.
    layer("two-layers",     &["cbc-view", "cbc-oracle"], &[CONTRACT]),
    layer("xtask",          &["cbc-report"], &[]),
];

/// A dependency from outside the workspace that only some of its crates may name.
struct Reserved {
    name: &'static str,
    to: &'static [&'static str],
    /// Whether the others may still name it as a dev-dependency.
    free_in_dev: bool,
}

const fn reserved(name: &'static str, to: &'static [&'static str], free_in_dev: bool) -> Reserved {
    Reserved { name, to, free_in_dev }
}

/// Printing belongs to the program, randomness to what draws it, bytes to the codec, and maps
/// without an order to the index that hides it.
#[rustfmt::skip]
const RESERVED: &[Reserved] = &[
    reserved("bincode",            &["cbc-message"], false),
    reserved("ahash",              &["cbc-message"], false),
    reserved("hashbrown",          &["cbc-message"], false),
    reserved("clap",               &["cbc-cli", "cbc-tests", "xtask"], true),
    reserved("indicatif",          &["cbc-cli"], true),
    reserved("tracing-subscriber", &["cbc-cli"], true),
    reserved("rand",               &[CONTRACT, "cbc-simulation", "cbc-experiment", "cbc-cli", "cbc-tests"], true),
    reserved("rand_*",             &[CONTRACT, "cbc-simulation", "cbc-experiment", "cbc-cli", "cbc-tests"], true),
];

fn matches(pattern: &str, name: &str) -> bool {
    let has_its_own_row = || LAYERS.iter().any(|layer| layer.name == name);
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning) && !has_its_own_row(),
        None => name == pattern,
    }
}

fn any(patterns: &[&str], name: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, name))
}

/// The place in [`LAYERS`] of the crate with this name.
fn rank(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| matches(layer.name, name))
}

/// The crates of a workspace, each with its direct dependencies as its manifest declares them.
pub(crate) type Graph = BTreeMap<String, Vec<(String, DependencyKind)>>;

pub(crate) fn graph(workspace: &Metadata) -> Graph {
    let dependencies = |package: &Package| {
        let declared = package.dependencies.iter();
        declared.map(|dependency| (dependency.name.clone(), dependency.kind)).collect()
    };
    let packages = workspace.workspace_packages().into_iter();
    packages.map(|package| (package.name.to_string(), dependencies(package))).collect()
}

/// One finding for each crate that is in no layer and each dependency that no rule allows.
pub(crate) fn findings(graph: &Graph) -> Vec<String> {
    let mut findings = Vec::new();
    for (name, dependencies) in graph {
        let Some(layer) = rank(name).and_then(|rank| LAYERS.get(rank)) else {
            findings.push(format!("{name} is in no layer: give it a row in xtask/src/layers.rs"));
            continue;
        };
        for (dependency, kind) in dependencies {
            let dev = *kind == DependencyKind::Development;
            let verb = if dev { "dev-depends" } else { "depends" };
            if graph.contains_key(dependency) {
                let allowed = any(layer.normal, dependency) || dev && any(layer.dev, dependency);
                if !allowed {
                    findings
                        .push(format!("{name} {verb} on {dependency}, which its layer forbids"));
                }
            }
            for rule in RESERVED.iter().filter(|rule| matches(rule.name, dependency)) {
                let allowed = any(rule.to, name) || dev && rule.free_in_dev;
                if !allowed {
                    let to = rule.to.join(", ");
                    findings.push(format!("{name} {verb} on {dependency}, reserved to {to}"));
                }
            }
        }
    }
    findings
}

/// The names of the library crates below `crates/`, each after those it depends on.
pub(crate) fn libraries(workspace: &Metadata) -> Vec<String> {
    let home = workspace.workspace_root.join("crates");
    let mut names: Vec<String> = workspace
        .workspace_packages()
        .into_iter()
        .filter(|package| package.manifest_path.starts_with(&home))
        .filter(|package| package.targets.iter().any(|target| target.is_lib()))
        .map(|package| package.name.to_string())
        .collect();
    names.sort_by_key(|name| (rank(name).unwrap_or(usize::MAX), name.clone()));
    names
}

#[cfg(test)]
mod tests {
    use DependencyKind::{Build, Development, Normal};

    use super::*;

    /// A workspace of these crates and their dependencies.
    fn graph(crates: &[(&str, &[(&str, DependencyKind)])]) -> Graph {
        let owned = |&(name, kind): &(&str, DependencyKind)| (name.to_owned(), kind);
        let row = |dependencies: &[_]| dependencies.iter().map(owned).collect();
        crates.iter().map(|&(name, dependencies)| (name.to_owned(), row(dependencies))).collect()
    }

    #[test]
    fn a_workspace_in_layers_has_no_findings() {
        let graph = graph(&[
            ("cbc-message", &[("bincode", Normal), ("proptest", Development)]),
            ("cbc-testkit", &[("cbc-message", Normal)]),
            ("cbc-validator", &[("cbc-oracle-turan", Development)]),
            ("cbc-view", &[("cbc-message", Normal), ("cbc-testkit", Development)]),
            ("cbc-oracle", &[("cbc-oracle-contract", Development), ("rand", Development)]),
            ("cbc-oracle-contract", &[("cbc-validator", Normal), ("rand", Normal)]),
            ("cbc-oracle-turan", &[("cbc-oracle", Normal), ("cbc-oracle-contract", Development)]),
            ("cbc-simulation", &[("rand_chacha", Normal), ("cbc-oracle-turan", Normal)]),
            ("cbc-cli", &[("clap", Normal), ("cbc-oracle-turan", Normal)]),
            ("cbc-tests", &[("cbc-simulation", Development), ("cbc-testkit", Development)]),
            ("xtask", &[("clap", Normal), ("cbc-report", Normal)]),
        ]);
        assert_eq!(findings(&graph), [""; 0]);
    }

    #[test]
    fn each_broken_rule_is_a_finding_and_nothing_else_is() {
        let graph = graph(&[
            ("cbc-estimator", &[("cbc-view", Normal), ("cbc-oracle", Normal), ("clap", Normal)]),
            ("cbc-message", &[("cbc-testkit", Development), ("bincode", Normal)]),
            ("cbc-oracle", &[("cbc-validator", Development), ("cbc-oracle-turan", Development)]),
            (
                "cbc-oracle-contract",
                &[("cbc-simulation", Normal), ("cbc-oracle-turan", Development)],
            ),
            ("cbc-oracle-turan", &[("cbc-oracle-contract", Normal), ("bincode", Development)]),
            ("cbc-simulation", &[("cbc-wallet", Normal), ("rand", Normal)]),
            ("cbc-testkit", &[("cbc-message", Normal), ("cbc-view", Normal)]),
            ("cbc-validator", &[("cbc-testkit", Normal), ("rand_distr", Normal)]),
            ("cbc-view", &[("cbc-message", Build), ("cbc-estimator", Build)]),
            ("cbc-wallet", &[("cbc-message", Normal)]),
            ("xtask", &[("cbc-message", Normal), ("clap", Normal)]),
        ]);
        let expected = [
            "cbc-estimator depends on cbc-oracle, which its layer forbids",
            "cbc-estimator depends on clap, reserved to cbc-cli, cbc-tests, xtask",
            "cbc-message dev-depends on cbc-testkit, which its layer forbids",
            "cbc-oracle dev-depends on cbc-validator, which its layer forbids",
            "cbc-oracle dev-depends on cbc-oracle-turan, which its layer forbids",
            "cbc-oracle-contract depends on cbc-simulation, which its layer forbids",
            "cbc-oracle-contract dev-depends on cbc-oracle-turan, which its layer forbids",
            "cbc-oracle-turan depends on cbc-oracle-contract, which its layer forbids",
            "cbc-oracle-turan dev-depends on bincode, reserved to cbc-message",
            "cbc-simulation depends on cbc-wallet, which its layer forbids",
            "cbc-testkit depends on cbc-view, which its layer forbids",
            "cbc-validator depends on cbc-testkit, which its layer forbids",
            "cbc-validator depends on rand_distr, reserved to cbc-oracle-contract, cbc-simulation, \
             cbc-experiment, cbc-cli, cbc-tests",
            "cbc-view depends on cbc-estimator, which its layer forbids",
            "cbc-wallet is in no layer: give it a row in xtask/src/layers.rs",
            "xtask depends on cbc-message, which its layer forbids",
        ];
        assert_eq!(findings(&graph), expected);
    }

    #[test]
    fn each_layer_stands_after_those_it_may_depend_on() {
        for (place, layer) in LAYERS.iter().enumerate() {
            for name in layer.normal.iter().chain(layer.dev) {
                let below = LAYERS.iter().position(|layer| layer.name == *name);
                if *name == CONTRACT && layer.dev.contains(name) {
                    continue;
                }
                assert!(below.is_some_and(|below| below < place), "{} and {name}", layer.name);
            }
        }
    }
}
