//! What can be found out about a request that speaks against it, and what each finding is worth: one line each, below.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Fault, Place, Placed};
use crate::risk::Risk;

/// What several findings say between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gist {
    /// That a request comes from abroad.
    Abroad,
    /// That an address hides who uses it: VPNs run on machines that are rented out.
    Hidden,
}

/// Declares findings: the key under `risk.points`, its points by default, and what it is.
macro_rules! findings {
    ($($finding:ident = $key:ident, $usual:literal, $doc:literal;)+) => {
        /// A finding that has a key under `risk.points`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Finding {
            $(#[doc = $doc] $finding,)+
        }

        impl Finding {
            /// Every finding, in the order in which they are declared.
            pub const ALL: [Self; [$($usual),+].len()] = [$(Self::$finding),+];

            /// Its key under `risk.points`, and its name in logs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$finding => stringify!($key),)+
                }
            }

            /// What it says together with others: of those, the one that is worth the most counts. An honest traveller is abroad
            /// once, and behind one VPN.
            #[must_use]
            pub const fn gist(self) -> Option<Gist> {
                use Finding::{
                    Anonymiser, CountryChanged, CountryUnexpected, HostingNetwork, ImpossibleTravel, PhoneCountry,
                };
                match self {
                    CountryUnexpected | CountryChanged | ImpossibleTravel | PhoneCountry => Some(Gist::Abroad),
                    HostingNetwork | Anonymiser => Some(Gist::Hidden),
                    _ => None,
                }
            }

            /// Its points where the config gives none.
            #[must_use]
            pub const fn usual(self) -> u8 {
                match self {
                    $(Self::$finding => $usual,)+
                }
            }
        }

        /// What a finding is worth, 0 to 100 each; 0 is never found.
        #[derive(Debug, Default, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct PointsSettings {
            $(#[doc = $doc] #[doc = concat!("Default ", stringify!($usual), ".")] pub $key: Option<Placed<u8>>,)+
        }

        impl PointsSettings {
            const fn written(&self, finding: Finding) -> Option<&Placed<u8>> {
                match finding {
                    $(Finding::$finding => self.$key.as_ref(),)+
                }
            }
        }
    };
}

// None but a ban refuses anybody by default, nor do those of one address together (90 and more are refused): where an address is
// said to be is often wrong, and many people share it.
findings! {
    CountryUnexpected = country_unexpected, 25, "An address in a country that is not in `expect_countries`.";
    HostingNetwork = hosting_network, 25, "An address in a network whose machines are rented out.";
    Anonymiser = anonymiser, 30, "An address of a VPN, an open proxy, or an exit of Tor.";
    AddressUncertain = address_uncertain, 60, "An address that is not known, since forwarded headers break off or contradict each other.";
    Robot = robot, 10, "A page opened by a program that is no browser by its user agent, or that names none.";
    ClientHints = client_hints, 10, "A browser whose client hints are missing, or do not fit its user agent.";
    RequestRate = request_rate, 5, "An address that makes more requests than `behaviour.requests`.";
    ManySends = many_sends, 5, "More messages than `behaviour.sends` were asked for from the address, or from around it.";
    ManyFailures = many_failures, 10, "More wrong codes than `behaviour.failures` came from the address, or from around it.";
    ManySubjects = many_subjects, 10, "More subjects than `behaviour.subjects` came from the address, or from around it.";
    SubjectRoams = subject_roams, 10, "A subject that came from more networks than `behaviour.networks`.";
    Banned = banned, 100, "An address that the gateway banned for a while.";
    CountryChanged = country_changed, 30, "Another country than the one in which the visitor answered the last code.";
    AsnChanged = asn_changed, 10, "Another autonomous system than then, in the same country.";
    ImpossibleTravel = impossible_travel, 50, "A place that nobody can have come to from the one where the same subject was last.";
    NewDevice = new_device, 15, "A browser with which the subject has answered no code before.";
    PhoneCountry = phone_country, 20, "An address in another country than the visitor's telephone numbers.";
    NumberRange = number_range, 30, "A typed number near others that codes were sent to and hardly one came back from.";
    VoipNumber = voip_number, 0, "A number on the internet, by its range.";
    FixedLineNumber = fixed_line_number, 0, "A number of a fixed line, by its range: most of them take no text messages.";
    NoMailExchanger = no_mail_exchanger, 40, "A typed e-mail address whose domain takes no mail, by its MX, A and AAAA records in DNS.";
    ContactReused = contact_reused, 0, "A contact that others proved at the site within 30 days.";
}

/// What every finding is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Points([u8; Finding::ALL.len()]);

// === impl Points ===

impl Points {
    /// What `finding` is worth, 0 to 100.
    #[must_use]
    pub fn of(&self, finding: Finding) -> u8 {
        self.0.get(finding as usize).copied().unwrap_or_default()
    }

    /// Whether `finding` is worth anything.
    #[must_use]
    pub fn counts(&self, finding: Finding) -> bool {
        self.of(finding) > 0
    }

    /// The same, with `finding` worth `points`, 100 at most.
    #[must_use]
    pub fn with(mut self, finding: Finding, points: u8) -> Self {
        if let Some(held) = self.0.get_mut(finding as usize) {
            *held = points.min(Risk::MOST);
        }
        self
    }
}

impl Default for Points {
    fn default() -> Self {
        Self(Finding::ALL.map(Finding::usual))
    }
}

// === impl PointsSettings ===

impl PointsSettings {
    /// What every finding is worth.
    ///
    /// # Errors
    /// When points are no points.
    pub fn points(&self) -> Result<Points, Fault> {
        let mut points = Points::default();
        for finding in Finding::ALL {
            points = points.with(finding, worth(self.written(finding), finding.usual())?);
        }
        Ok(points)
    }

    /// The findings whose points stand in the config, and where.
    pub fn places(&self) -> impl Iterator<Item = (&'static str, Place)> {
        Finding::ALL.into_iter().filter_map(|finding| Some((finding.as_str(), self.written(finding)?.place)))
    }
}

/// Points that are written, or what is usual.
pub(super) fn worth(written: Option<&Placed<u8>>, usual: u8) -> Result<u8, Fault> {
    match written {
        Some(points) if points.value > Risk::MOST => Err(points.fault("expected points from 0 to 100")),
        points => Ok(points.map_or(usual, |points| points.value)),
    }
}
