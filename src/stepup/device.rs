//! With which browsers a subject answered codes before: the device cookie, set with each code that is passed and never before.
//! It proves nothing and opens nothing; it only spares the points of `new_device`.
//!
//! It moves on with each challenge that is opened and each that is passed. A cookie that was copied and used in both places
//! falls behind in one of them: then it is void everywhere (C14).

use std::time::Duration;

use http::HeaderValue;

use crate::audit::{Event, Kind};
use crate::grant::{Device, Owned};
use crate::stepup::judge::about;
use crate::stepup::visit::DEVICE;
use crate::stepup::{Gateway, Site, Visit};
use crate::store::{DeviceTurn, DeviceTurned, Revocation, StoreError};
use crate::words::{DeviceId, KeyedHash, StepUp, Subject};

/// How long several requests of one browser may be under way with one cookie, before an older one is that of a copy.
const GRACE: Duration = Duration::from_secs(60);

impl Gateway {
    /// What is known of a subject by the request's device cookie, if that still counts under `policy` (C15).
    pub(super) fn owned(&self, site: &Site, visit: &Visit, policy: &StepUp, subject: KeyedHash) -> Option<Owned> {
        let device = self.device(site, visit)?;
        let owned = device.of(subject)?;
        let voids = || {
            let revoked = |account| site.revoked.void_until(account);
            revoked(subject).max(owned.account.and_then(revoked))
        };
        let void_until = if site.revoked.has_subjects() { voids() } else { None };
        let remember = self.scoring.subject.remember;
        owned
            .counts(|channel| policy.accepts(channel), remember, void_until, self.shared.clock.now())
            .then(|| owned.clone())
    }

    /// The device in the request's cookie, unless a copy of it was found.
    fn device(&self, site: &Site, visit: &Visit) -> Option<Device> {
        let scheme = visit.request.scheme;
        let device = Device::open(&self.keys, &site.spec.key, scheme, DEVICE.find(&visit.headers, scheme)?)?;
        (!site.revoked.is_stolen(device.id)).then_some(device)
    }

    /// Moves the request's device on, as a challenge is opened: the next cookie. What goes wrong with it keeps nobody from
    /// answering a code.
    pub(super) async fn move_device(
        &self,
        site: &Site,
        visit: &Visit,
        subject: Option<&Subject>,
    ) -> Option<HeaderValue> {
        if !self.scoring.subject.remembers_devices() {
            return None;
        }
        let device = self.device(site, visit)?;
        match self.turn(site, device.id, Some(device.generation)).await {
            Ok(DeviceTurned::To(generation)) => self.device_cookie(site, visit, &Device { generation, ..device }),
            // The store lost its memory: the browser is a new one with its next code.
            Ok(DeviceTurned::Unknown) => None,
            Ok(DeviceTurned::Stolen) => {
                self.stolen(site, visit, device.id, subject.map(|subject| (subject, self.subject_hash(site, subject))))
                    .await;
                DEVICE.clear(visit.request.scheme).ok()
            }
            Err(error) => {
                tracing::warn!(%error, "the cookie of a device could not be moved on");
                None
            }
        }
    }

    /// Remembers that a subject answered a code with this browser: the next cookie.
    pub(super) async fn remember_device(
        &self,
        site: &Site,
        visit: &Visit,
        subject: &Subject,
        counted: KeyedHash,
        owned: Owned,
    ) -> Option<HeaderValue> {
        if !self.scoring.subject.remembers_devices() {
            return None;
        }
        let known = self.device(site, visit);
        let turned = match &known {
            Some(device) => self.turn(site, device.id, Some(device.generation)).await,
            None => Ok(DeviceTurned::Unknown),
        };
        let device = match (turned, known) {
            (Ok(DeviceTurned::To(generation)), Some(device)) => Ok(Device { generation, ..device }),
            (Ok(DeviceTurned::Stolen), Some(device)) => {
                self.stolen(site, visit, device.id, Some((subject, counted))).await;
                self.new_device(site).await
            }
            (Ok(_), _) => self.new_device(site).await,
            (Err(error), _) => Err(error),
        };
        match device {
            Ok(device) => self.device_cookie(site, visit, &device.with(owned)),
            Err(error) => {
                tracing::warn!(%error, "a device could not be remembered");
                None
            }
        }
    }

    async fn new_device(&self, site: &Site) -> Result<Device, StoreError> {
        let id = self.shared.device_id();
        let generation = match self.turn(site, id, None).await? {
            DeviceTurned::To(generation) => generation,
            DeviceTurned::Unknown | DeviceTurned::Stolen => return Err(StoreError::Wrong("no new device".to_owned())),
        };
        Ok(Device { id, generation, owners: Vec::new() })
    }

    async fn turn(&self, site: &Site, device: DeviceId, generation: Option<u32>) -> Result<DeviceTurned, StoreError> {
        let keep = self.scoring.subject.remember;
        let turn = DeviceTurn { site: &site.spec.key, device, generation, grace: GRACE, keep };
        self.shared.store.turn_device(&turn).await
    }

    fn device_cookie(&self, site: &Site, visit: &Visit, device: &Device) -> Option<HeaderValue> {
        let scheme = visit.request.scheme;
        let value = device.seal(&self.keys, &site.spec.key, scheme, &*self.shared.random);
        DEVICE.set(scheme, &value, Some(self.scoring.subject.remember)).ok()
    }

    /// Makes every copy of a device's cookie void, on every gateway within two seconds, and says so.
    async fn stolen(&self, site: &Site, visit: &Visit, device: DeviceId, subject: Option<(&Subject, KeyedHash)>) {
        let (ttl, now) = (self.scoring.subject.remember, self.shared.clock.now());
        let revocation = Revocation::Device { site: site.spec.key.clone(), device };
        self.shared.revoked.add(&revocation, ttl, now);
        if let Err(error) = self.shared.store.revoke(&revocation, ttl).await {
            // The store knows: whoever comes with a copy next is found out again.
            tracing::error!(%error, "the other gateways could not be told of a device that was copied");
        }
        let event = Event::new(Kind::DeviceStolen, self.shared.reference());
        let event = match subject {
            Some((subject, hash)) => event.subject(subject, hash),
            None => event,
        };
        self.note(about(site, visit, event)).await;
    }
}
