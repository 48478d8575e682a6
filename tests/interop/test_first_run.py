"""What the first run prints works when it is copied."""

import json
import stat
import subprocess

import command
import wire

SCHEMES = ["basic", "bearer", "wsse"]


def test_the_printed_facts_and_commands_work(start, figure):
    gateway = start()
    figure("start-up, first run with a fresh state", f"{gateway.started_in:.3f} s")
    printed = gateway.output()
    for fact in [gateway.url, gateway.ca, gateway.user, gateway.password]:
        assert fact in printed
    commands = [line.strip() for line in printed.splitlines() if gateway.url in line and len(line.split()) > 3]
    assert len(commands) == 3, printed
    for text in commands:
        environment = command.environment(gateway.folder)
        done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, timeout=30, check=False, env=environment)
        assert done.returncode == 0, (text, done.stderr)
        assert gateway.user in done.stdout, (text, done.stdout)


def test_with_credentials_the_echo_answers(start):
    gateway = start()
    code, body = wire.curl(gateway, "--user", f"{gateway.user}:{gateway.password}", path="/hello?x=1")
    assert code == 200
    seen = json.loads(body)
    assert (seen["path"], seen["query"], seen["you"]) == ("/hello", "x=1", gateway.user)


def test_without_credentials_there_is_one_challenge_a_scheme(start):
    gateway = start()
    code, text = wire.curl(gateway, "--include")
    assert code == 401
    challenges = [line.split(":", 1)[1].strip() for line in text.lower().splitlines() if line.startswith("www-authenticate:")]
    assert sorted(challenge.split()[0] for challenge in challenges) == SCHEMES


def test_the_state_is_its_owners_alone(start):
    gateway = start()
    assert stat.S_IMODE(gateway.state.stat().st_mode) == 0o700
    private = [path for path in gateway.state.rglob("*") if path.is_file() and path.name != "ca.pem"]
    assert private
    open_to_others = [path.name for path in private if stat.S_IMODE(path.stat().st_mode) & 0o077]
    assert open_to_others == []


def test_http_1_and_2_over_tls_1_2_and_1_3_and_nothing_older(start):
    gateway = start()
    login = ["--user", f"{gateway.user}:{gateway.password}", "--output", "/dev/null"]
    for version, option in [("1.1", "--http1.1"), ("2", "--http2")]:
        assert wire.curl(gateway, *login, option, "--write-out", "%{http_version}\n%{http_code}") == (200, version)
    for option in ["--tlsv1.2", "--tlsv1.3"]:
        assert wire.curl(gateway, *login, option, "--tls-max", option.removeprefix("--tlsv"))[0] == 200
    # 35: the handshake failed. The cipher level lets OpenSSL offer the old version at all.
    old = ["--tlsv1.0", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"]
    assert wire.curl(gateway, *login, *old)[0] == -35
