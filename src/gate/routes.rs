//! Which policy applies: the first route whose criteria hold.
//!
//! Globs of all routes lie in two tries over path segments, one for routes that protect (matched without regard to
//! case) and one for `bypass` routes (matched exactly), so that a thousand routes cost about what ten do. Regular
//! expressions lie in two sets, likewise.

use regex::{RegexBuilder, RegexSet, RegexSetBuilder};

use crate::gate::criteria::Criteria;
use crate::request::glob::{Segment, wild_matches};
use crate::request::{CanonicalRequest, Glob, fold};
use crate::words::Policy;

/// A route, as the config gives it.
#[derive(Debug, Clone)]
pub struct Route {
    /// Globs, any of which may match. Empty with no `path_regex`: every path.
    pub paths: Vec<Glob>,
    /// Regular expressions over the whole decoded path, any of which may match.
    pub path_regex: Vec<String>,
    /// What else is asked of the request.
    pub criteria: Criteria,
    /// What applies then.
    pub policy: Policy,
}

/// The routes of a site, compiled.
#[derive(Debug)]
pub struct Routes {
    routes: Vec<Compiled>,
    protecting: Paths,
    bypassing: Paths,
    default: Policy,
    asks_country: bool,
}

/// Why routes do not compile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRoute {
    /// A regular expression is wrong or too large.
    #[error("`{pattern}` is no regular expression for paths: {why}")]
    Regex {
        /// The expression.
        pattern: String,
        /// What is wrong, in one line.
        why: String,
    },
    /// More than 10,000 routes.
    #[error("a site has at most 10,000 routes")]
    TooMany,
}

#[derive(Debug)]
struct Compiled {
    criteria: Criteria,
    policy: Policy,
    any_path: bool,
}

/// The paths of all protecting, or of all bypassing routes.
#[derive(Debug)]
struct Paths {
    trie: Trie,
    regexes: RegexSet,
    /// The route of each expression of `regexes`.
    owners: Vec<u32>,
}

/// A finite automaton over path segments.
#[derive(Debug)]
struct Trie {
    nodes: Vec<Node>,
    folded: bool,
}

#[derive(Debug, Default)]
struct Node {
    literals: std::collections::HashMap<String, u32>,
    wild: Vec<(Vec<String>, u32)>,
    /// The node behind a `**`, which stays alive whatever segment comes.
    deep: Option<u32>,
    is_deep: bool,
    /// The routes whose glob ends here, and whether it ended in a slash.
    ends: Vec<(u32, bool)>,
}

/// The most a compiled expression may take, in bytes (P22).
const REGEX_SIZE: usize = 1 << 20;

// === impl Routes ===

impl Routes {
    /// Compiles `routes`, with `default` for a request that none matches.
    ///
    /// # Errors
    /// When a regular expression is wrong or too large.
    pub fn new(routes: Vec<Route>, default: Policy) -> Result<Self, BadRoute> {
        if routes.len() > 10_000 {
            return Err(BadRoute::TooMany);
        }
        let protecting = Paths::new(&routes, true)?;
        let bypassing = Paths::new(&routes, false)?;
        let asks_country = routes.iter().any(|route| !route.criteria.countries.is_empty());
        let routes = routes
            .into_iter()
            .map(|route| Compiled {
                any_path: route.paths.is_empty() && route.path_regex.is_empty(),
                criteria: route.criteria,
                policy: route.policy,
            })
            .collect();
        Ok(Self { routes, protecting, bypassing, default, asks_country })
    }

    /// The policy for `request`, and the index of the route that says so; `None` for the default.
    #[must_use]
    pub fn find(&self, request: &CanonicalRequest) -> (Option<usize>, &Policy) {
        let mut best = self.routes.len();
        let mut offer = |index: usize| {
            if index < best && self.routes.get(index).is_some_and(|route| route.meets(request)) {
                best = index;
            }
        };
        self.protecting.visit(request, &mut offer);
        self.bypassing.visit(request, &mut offer);
        for (index, route) in self.routes.iter().enumerate() {
            if route.any_path {
                offer(index);
            }
        }
        match self.routes.get(best) {
            Some(route) => (Some(best), &route.policy),
            None => (None, &self.default),
        }
    }

    /// Whether `request` matched a route that asks for the query: one that tells the pages of a single path apart.
    #[must_use]
    pub fn is_told_by_query(&self, request: &CanonicalRequest) -> bool {
        let route = self.find(request).0.and_then(|index| self.routes.get(index));
        route.is_some_and(|route| !route.criteria.query.is_empty())
    }

    /// Whether the route at `index` matches `request`, whatever stands before it: for `explain`.
    #[must_use]
    pub fn matches(&self, index: usize, request: &CanonicalRequest) -> bool {
        let mut hit = self.routes.get(index).is_some_and(|route| route.any_path && route.meets(request));
        let mut offer = |found: usize| {
            hit |= found == index && self.routes.get(found).is_some_and(|route| route.meets(request));
        };
        self.protecting.visit(request, &mut offer);
        self.bypassing.visit(request, &mut offer);
        hit
    }

    /// Whether a request to this site could be asked for anything.
    #[must_use]
    pub fn protect_anything(&self) -> bool {
        self.policies().any(|policy| *policy != Policy::Bypass)
    }

    /// Whether a route asks where the client is.
    #[must_use]
    pub const fn ask_country(&self) -> bool {
        self.asks_country
    }

    /// Every policy that may apply, the default last.
    pub fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.routes.iter().map(|route| &route.policy).chain(std::iter::once(&self.default))
    }
}

impl Compiled {
    fn meets(&self, request: &CanonicalRequest) -> bool {
        if self.policy == Policy::Bypass {
            self.criteria.met_by_bypassing(request)
        } else {
            self.criteria.met_by_protected(request)
        }
    }
}

// === impl Paths ===

impl Paths {
    fn new(routes: &[Route], protecting: bool) -> Result<Self, BadRoute> {
        let mut trie = Trie { nodes: vec![Node::default()], folded: protecting };
        let (mut patterns, mut owners) = (Vec::new(), Vec::new());
        for (index, route) in (0_u32..).zip(routes) {
            if (route.policy != Policy::Bypass) != protecting {
                continue;
            }
            for glob in &route.paths {
                trie.insert(glob, index);
            }
            for pattern in &route.path_regex {
                // The whole path, always: `/public` must not match `/x/public` (P24).
                let whole = format!("^(?:{pattern})$");
                let built = RegexBuilder::new(&whole).case_insensitive(protecting).size_limit(REGEX_SIZE).build();
                if let Err(error) = built {
                    let why = error.to_string().lines().last().unwrap_or("").trim().to_owned();
                    return Err(BadRoute::Regex { pattern: pattern.clone(), why });
                }
                patterns.push(whole);
                owners.push(index);
            }
        }
        let regexes = RegexSetBuilder::new(&patterns)
            .case_insensitive(protecting)
            .size_limit(REGEX_SIZE * patterns.len().clamp(1, 64))
            .build()
            .map_err(|error| BadRoute::Regex { pattern: "all together".to_owned(), why: error.to_string() })?;
        Ok(Self { trie, regexes, owners })
    }

    fn visit(&self, request: &CanonicalRequest, offer: &mut impl FnMut(usize)) {
        let path = if self.trie.folded { request.path.folded() } else { request.path.decoded() };
        self.trie.visit(path, offer);
        if !self.owners.is_empty() {
            for hit in self.regexes.matches(request.path.decoded()) {
                if let Some(&owner) = self.owners.get(hit) {
                    offer(owner as usize);
                }
            }
        }
    }
}

// === impl Trie ===

impl Trie {
    fn insert(&mut self, glob: &Glob, route: u32) {
        let mut at = 0_u32;
        for segment in &glob.segments {
            let segment = if self.folded { segment.map(|text| fold(text).into_owned()) } else { segment.clone() };
            at = self.child(at, segment);
        }
        if let Some(node) = self.nodes.get_mut(at as usize) {
            node.ends.push((route, glob.slash));
        }
    }

    fn child(&mut self, at: u32, segment: Segment) -> u32 {
        let fresh = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let is_deep = segment == Segment::Deep;
        let Some(node) = self.nodes.get_mut(at as usize) else { return at };
        let child = match segment {
            Segment::Literal(text) => *node.literals.entry(text).or_insert(fresh),
            Segment::Deep => *node.deep.get_or_insert(fresh),
            Segment::Wild(pieces) => match node.wild.iter().find(|(known, _)| *known == pieces) {
                Some(&(_, child)) => child,
                None => {
                    node.wild.push((pieces, fresh));
                    fresh
                }
            },
        };
        if child == fresh {
            self.nodes.push(Node { is_deep, ..Node::default() });
        }
        child
    }

    /// Offers the route of every glob that matches `path`. All globs walk at once, segment by segment, so no path can
    /// make it backtrack (P22).
    fn visit(&self, path: &str, offer: &mut impl FnMut(usize)) {
        let rest = path.strip_prefix('/').unwrap_or(path);
        let (body, slash) = match rest.strip_suffix('/') {
            Some(body) => (body, true),
            None => (rest, rest.is_empty()),
        };
        let mut alive: Vec<u32> = Vec::with_capacity(8);
        let mut next: Vec<u32> = Vec::with_capacity(8);
        self.enter(0, &mut alive);
        if !body.is_empty() {
            for segment in body.split('/') {
                for &at in &alive {
                    let Some(node) = self.nodes.get(at as usize) else { continue };
                    if node.is_deep {
                        self.enter(at, &mut next);
                    }
                    if let Some(&child) = node.literals.get(segment) {
                        self.enter(child, &mut next);
                    }
                    for (pieces, child) in &node.wild {
                        if wild_matches(pieces, segment) {
                            self.enter(*child, &mut next);
                        }
                    }
                }
                std::mem::swap(&mut alive, &mut next);
                next.clear();
                if alive.is_empty() {
                    return;
                }
            }
        }
        for &at in &alive {
            let Some(node) = self.nodes.get(at as usize) else { continue };
            for &(route, glob_slash) in &node.ends {
                // Upstreams often take `/a` and `/a/` for the same page, so a protecting glob does; a bypassing one
                // is exact, but `/a/**` means both.
                if self.folded || node.is_deep || glob_slash == slash {
                    offer(route as usize);
                }
            }
        }
    }

    /// Adds a node, and what stands behind its `**`, to the living.
    fn enter(&self, at: u32, alive: &mut Vec<u32>) {
        let mut entered = Some(at);
        while let Some(at) = entered {
            if alive.contains(&at) {
                return;
            }
            alive.push(at);
            entered = self.nodes.get(at as usize).and_then(|node| node.deep);
        }
    }
}

#[cfg(test)]
mod tests;
