use super::*;

const FROM: &str = "Shop <no-reply@example.com>";

fn parse(url: &str) -> Result<SmtpSpec, BadSmtp> {
    SmtpSpec::parse(url, FROM, None, true)
}

#[test]
fn d06_only_a_loopback_address_may_do_without_tls() {
    for (url, host, port, security) in [
        ("smtps://mail.example.com", "mail.example.com", 465, Security::Implicit),
        ("smtp://mail.example.com", "mail.example.com", 587, Security::StartTls),
        ("SMTP://Mail.Example.COM:25/", "mail.example.com", 25, Security::StartTls),
        ("smtp://192.0.2.5", "192.0.2.5", 587, Security::StartTls),
        ("smtp://[2001:db8::1]:2525", "2001:db8::1", 2525, Security::StartTls),
        ("smtp://127.0.0.1", "127.0.0.1", 587, Security::StartTlsIfOffered),
        ("smtp://127.8.8.8:25", "127.8.8.8", 25, Security::StartTlsIfOffered),
        ("smtp://[::1]:1025", "::1", 1025, Security::StartTlsIfOffered),
        ("smtp://localhost:1025", "localhost", 1025, Security::StartTlsIfOffered),
        ("smtps://localhost", "localhost", 465, Security::Implicit),
        // Names that only look like this machine.
        ("smtp://localhost.example.com", "localhost.example.com", 587, Security::StartTls),
        ("smtp://127.0.0.1.example.com", "127.0.0.1.example.com", 587, Security::StartTls),
        ("smtp://0.0.0.0", "0.0.0.0", 587, Security::StartTls),
    ] {
        let spec = parse(url).unwrap();
        assert_eq!((&*spec.host, spec.port, spec.security), (host, port, security), "{url}");
        assert!(spec.verify && spec.credentials.is_none());
    }
}

#[test]
fn a_password_may_hold_what_a_secret_holds() {
    for (url, user, password) in [
        ("smtps://user:pass@mail.example.com", "user", "pass"),
        ("smtps://user%40example.com:p%20%C3%A9@mail.example.com", "user@example.com", "p é"),
        ("smtps://user@example.com:p@ss@mail.example.com", "user@example.com", "p@ss"),
        ("smtps://user:a:b/c?d#e%f[g]@mail.example.com:465", "user", "a:b/c?d#e%f[g]"),
    ] {
        let spec = parse(url).unwrap();
        assert_eq!(spec.host, "mail.example.com");
        assert!(spec.credentials == Some(Credentials::new(user.to_owned(), password.to_owned())), "{url}");
    }
}

#[test]
fn a_bad_address_says_what_to_write() {
    for (url, wanted) in [
        ("", "write smtps://"),
        ("mail.example.com", "write smtps://"),
        ("https://mail.example.com", "write smtps://"),
        ("smtps://", "a host name"),
        ("smtps://mail example", "a host name"),
        ("smtps://mail.example.com:0", "a host name"),
        ("smtps://mail.example.com:99999", "a host name"),
        ("smtps://mail.example.com/path", "a host name"),
        ("smtps://mail.example.com?tls=none", "a host name"),
        ("smtps://user:hunter2@", "a host name"),
        ("smtps://user:hunter2@a\r\nb", "a host name"),
        ("smtps://user@mail.example.com", "user:password before the @"),
        ("smtps://user:@mail.example.com", "user:password before the @"),
        ("smtps://:hunter2@mail.example.com", "user:password before the @"),
        ("smtps://us%00er:hunter2@mail.example.com", "user:password before the @"),
        ("smtps://user:hunter2%ff@mail.example.com", "user:password before the @"),
    ] {
        let error = parse(url).unwrap_err();
        assert!(error.to_string().contains(wanted), "{url:?} gave {error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "I9");
    }
    for from in ["", "Shop", "Shop <>", "a@b.example, c@d.example", "Shop <a@b.example>\r\nBcc: c@d.example", "a@b@c"] {
        let error = SmtpSpec::parse("smtps://mail.example.com", from, None, true).unwrap_err();
        assert!(matches!(error, BadSmtp::From), "{from:?} gave {error}");
    }
    for from in ["no-reply@example.com", "Café Zürich <no-reply@example.com>", "\"Shop, Inc.\" <no-reply@example.com>"]
    {
        assert!(SmtpSpec::parse("smtps://mail.example.com", from, None, true).is_ok(), "{from}");
    }
    let contradiction = SmtpSpec::parse("smtps://mail.example.com", FROM, Some("ca.pem".into()), false);
    assert!(matches!(contradiction, Err(BadSmtp::CaUnused)));
}

#[test]
fn i9_a_password_is_never_shown() {
    let spec = parse("smtps://alice:hunter2@mail.example.com").unwrap();
    let provider = ProviderSpec { name: "post".into(), kind: ProviderKind::Smtp(spec), common: Common::default() };
    let shown = format!("{provider:?}");
    assert!(shown.contains("mail.example.com") && !shown.contains("hunter2") && !shown.contains("alice"), "{shown}");
}
