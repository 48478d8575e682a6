"""Whose connection it is, told by the PROXY protocol: HAProxy and curl in front, HAProxy and nginx behind."""

import os
import socket
import subprocess

import pytest
from gateway import until
from haproxy import BEHIND, FRONT, HAProxy
from peers import Nginx, free_port

LISTENER = """
[danger]
no_auth = true
plain_listeners = true
[[listener]]
address = "127.0.0.1:0"
{listener}
[[route]]
schemes = []
upstream = "{upstream}"
{route}
"""
REQUIRED = 'proxy_protocol = "require"\nproxy_protocol_from = ["127.0.0.1"]\n'
NGINX = """
daemon off;
master_process off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} proxy_protocol;
    location / {{ default_type text/plain; return 200 "$proxy_protocol_addr $proxy_protocol_server_port"; }}
  }}
}}
"""


@pytest.fixture
def haproxy(tmp_path):
    all_of_them = []

    def begin(config, **names):
        all_of_them.append(HAProxy(tmp_path / f"haproxy-{len(all_of_them)}", config, **names))
        return all_of_them[-1]

    yield begin
    for one in all_of_them:
        one.stop()


class AnnouncedNginx(Nginx):
    """nginx that takes announced connections and says whose they are."""

    def __init__(self, folder):
        folder.mkdir()
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        config = folder / "nginx.conf"
        config.write_text(NGINX.format(folder=folder, port=self.port))
        words = ["nginx", "-p", folder, "-c", config, "-e", folder / "error.log"]
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, env=os.environ | {"LC_ALL": "C"})
        until("nginx listens", self._listens)


def gateway(start, tmp_path, upstream, listener="tls = false", route=""):
    config = tmp_path / "gatepost.toml"
    config.write_text(LISTENER.format(upstream=upstream, listener=listener, route=route))
    return start("--config", config, "-v")


def curl(url, *words, source="127.0.0.1"):
    done = subprocess.run(
        ["curl", "-sS", "--noproxy", "*", "--max-time", "20", "--interface", source, *map(str, words), url],
        capture_output=True, text=True, timeout=30, check=False,
    )
    return done.returncode, done.stdout


def forwarded_for(recorder):
    return next(value.strip() for name, value in recorder.fields() if name.lower() == "x-forwarded-for")


@pytest.mark.parametrize("how", ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,authority"])
def test_haproxy_says_who_the_client_is(start, tmp_path, recorder, haproxy, how):
    served = gateway(start, tmp_path, recorder.url, f"tls = false\n{REQUIRED}")
    front = haproxy(FRONT, target=served.port, how=how)
    assert curl(front.url, source="127.0.0.2") == (0, "recorded")
    assert forwarded_for(recorder) == "127.0.0.2"


def test_tls_passes_through_behind_the_header(start, tmp_path, recorder, haproxy, own):
    listener = f'certificate = "{own[0]}"\nkey = "{own[1]}"\n{REQUIRED}'
    served = gateway(start, tmp_path, recorder.url, listener)
    front = haproxy(FRONT, target=served.port, how="send-proxy-v2")
    url = f"https://localhost:{front.port}/"
    assert curl(url, "--cacert", own[0], "--resolve", f"localhost:{front.port}:127.0.0.1", source="127.0.0.3") == (0, "recorded")
    assert forwarded_for(recorder) == "127.0.0.3"


def test_curl_announces_itself_and_nobody_comes_without(start, tmp_path, recorder):
    served = gateway(start, tmp_path, recorder.url, f"tls = false\n{REQUIRED}")
    url = f"http://127.0.0.1:{served.port}/"
    assert curl(url, "--haproxy-protocol") == (0, "recorded")
    assert curl(url)[0] in (52, 55, 56)
    # Somebody who is not named may say what they like.
    assert curl(url, "--haproxy-protocol", source="127.0.0.9")[0] in (52, 55, 56)
    assert len(recorder.heads) == 1
    assert "what came first is no PROXY header" in served.errors()
    assert "it comes from nobody who may announce connections" in served.errors()


def test_a_health_check_of_haproxy_speaks_for_itself(start, tmp_path, recorder):
    served = gateway(start, tmp_path, recorder.url, f"tls = false\n{REQUIRED}")
    with socket.create_connection(("127.0.0.1", served.port), 10) as local:
        local.sendall(b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert local.makefile("rb").read().startswith(b"HTTP/1.1 200 ")
    assert forwarded_for(recorder) == "127.0.0.1"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_others_behind_learn_who_the_client_is(start, tmp_path, haproxy, version):
    nginx = AnnouncedNginx(tmp_path / "nginx")
    try:
        for number, upstream in enumerate((haproxy(BEHIND), nginx)):
            (tmp_path / str(number)).mkdir()
            served = gateway(start, tmp_path / str(number), upstream.url, route=f'proxy_protocol = "{version}"')
            url = f"http://127.0.0.1:{served.port}/"
            # Two requests on one connection, then somebody else.
            assert curl(url, url, source="127.0.0.4") == (0, f"127.0.0.4 {served.port}" * 2)
            assert curl(url, source="127.0.0.5") == (0, f"127.0.0.5 {served.port}")
    finally:
        nginx.stop()


def test_a_chain_of_proxies_ends_with_the_client(start, tmp_path, haproxy):
    behind = haproxy(BEHIND)
    served = gateway(start, tmp_path, behind.url, f"tls = false\n{REQUIRED}", 'proxy_protocol = "v2"')
    front = haproxy(FRONT, target=served.port, how="send-proxy")
    assert curl(front.url, source="127.0.0.6") == (0, f"127.0.0.6 {front.port}")
