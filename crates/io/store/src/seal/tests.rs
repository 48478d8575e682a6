//! A value opens with its key, in its place, unchanged, and in no other case.

use super::*;

const PLACE: Place<'static> = Place { kind: "credential", name: "one", also: &[Some("alice"), None] };

fn key(octet: u8) -> SealingKey {
    SealingKey::from_bytes(&[octet; KEY_LEN]).unwrap()
}

#[test]
fn a_value_opens_only_in_its_place_and_with_its_key() {
    let secret = Secret::from("open sesame");
    let value = key(1).seal(&PLACE, &secret).unwrap();
    assert_eq!(key(1).open(&PLACE, &value), Ok(secret));

    let wrong = Err(StoreError::Sealed { what: "credential \"one\"".into() });
    assert_eq!(key(2).open(&PLACE, &value), wrong);
    let places = [
        Place { kind: "user", ..PLACE },
        Place { name: "two", ..PLACE },
        Place { also: &[Some("alice")], ..PLACE },
        Place { also: &[Some("alice"), Some("")], ..PLACE },
        Place { also: &[Some("mallory"), None], ..PLACE },
        Place { kind: "credentialo", name: "ne", ..PLACE },
    ];
    for place in places {
        assert!(key(1).open(&place, &value).is_err(), "{place:?}");
    }
}

#[test]
fn every_changed_octet_and_every_cut_is_noticed() {
    let value = key(1).seal(&PLACE, &Secret::from("s")).unwrap();
    for at in 0..value.len() {
        let mut changed = value.clone();
        changed[at] ^= 1;
        assert!(key(1).open(&PLACE, &changed).is_err(), "octet {at}");
        assert!(key(1).open(&PLACE, &value[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn no_two_values_are_the_same_and_none_holds_the_secret() {
    let secret = Secret::from("a rather long secret text");
    let values: Vec<_> = (0..32).map(|_| key(1).seal(&PLACE, &secret).unwrap()).collect();
    for (at, value) in values.iter().enumerate() {
        assert!(!value.windows(6).any(|part| part == b"secret"));
        assert!(!values[..at].contains(value));
    }
}

#[test]
fn a_key_is_32_octets_of_base64() {
    let text = STANDARD.encode([7; KEY_LEN]);
    assert_eq!(SealingKey::from_env_text(&format!(" {text}\n")).unwrap().id, key(7).id);
    for text in ["", "AAAA", "not base64!", &STANDARD.encode([7; 33]), &text[..43]] {
        let error = SealingKey::from_env_text(text).unwrap_err();
        assert!(matches!(error, StoreError::Sealed { .. }), "{error}");
        assert!(text.is_empty() || !error.to_string().contains(text), "the text is in the error");
    }
    assert_eq!(format!("{:?}", key(7)), "SealingKey(****)");
    assert_ne!(SealingKey::generate().unwrap().id, SealingKey::generate().unwrap().id);
}

#[test]
fn a_key_file_is_made_once_and_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seal.key");
    assert!(SealingKey::load(&path).unwrap().is_none());
    let first = SealingKey::load_or_create(&path).unwrap();
    let again = SealingKey::load_or_create(&path).unwrap();
    assert_eq!(first.id, again.id);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "a draft stayed behind");
}

#[test]
fn a_second_writer_does_not_overwrite_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seal.key");
    publish(&path, b"first").unwrap();
    publish(&path, b"second").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"first");
}

#[cfg(unix)]
#[test]
fn a_key_file_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("seal.key");
    SealingKey::load_or_create(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    for mode in [0o640, 0o604, 0o620] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let expected = unusable(&path, "the file is open to group or others; make it 0600");
        assert_eq!(SealingKey::load_or_create(&path).unwrap_err(), expected);
    }
}
