"""HTTPS: HTTP/2 and HTTP/1.1 on one port, the same answers as in the clear, a certificate that changes while it runs."""

import socket
import ssl
import subprocess

import pytest
import requests
import websocket

import llhls
from waiting import wait_until


def make_certificate(folder, name):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", f"/CN={name}", "-keyout", str(folder / "new-key.pem"), "-out", str(folder / "new-cert.pem")],
        check=True, capture_output=True, timeout=60)
    (folder / "new-key.pem").rename(folder / "key.pem")
    (folder / "new-cert.pem").rename(folder / "cert.pem")


@pytest.fixture
def secure(make_server, folder):
    make_certificate(folder, "one.example")
    server = make_server(LINEUP_HTTPS_PORT=0, LINEUP_TLS_CERTIFICATE=folder / "cert.pem", LINEUP_TLS_KEY=folder / "key.pem")
    return server, f"https://127.0.0.1:{server.where()['https']}"


def curl(*arguments):
    return subprocess.run(["curl", "-sk", "--max-time", "30", *arguments], capture_output=True, timeout=60, check=True).stdout


def test_both_versions_serve_playlists_files_pages_and_blocked_requests(secure):
    server, url = secure
    base = url + "/hls/main"
    wait_until(lambda: "#EXTINF" in server.get("/hls/main/media.m3u8").text, "a first segment", 30)
    for version in ("--http2", "--http1.1"):
        asked = curl(version, "-w", "\n%{http_version} %{http_code}", base + "/index.m3u8").decode()
        assert asked.startswith("#EXTM3U\n")
        assert asked.rsplit("\n", 1)[1] == ("2 200" if version == "--http2" else "1.1 200")
        playlist = llhls.parse(curl(version, "--compressed", base + "/media.m3u8").decode())
        number, part = playlist.last
        newer = llhls.parse(curl(version, f"{base}/media.m3u8?_HLS_msn={number}&_HLS_part={part + 1}").decode())
        assert newer.last > (number, part)
        whole = [s for s in newer.segments if s.uri][-1].uri
        plain = requests.get(f"{server.url}/hls/main/{whole}", timeout=10).content
        assert curl(version, f"{base}/{whole}") == plain
        assert curl(version, "-r", "100-199", f"{base}/{whole}") == plain[100:200]
        assert b"<html" in curl(version, url + "/")
        assert b"404" in curl(version, "-o", "/dev/null", "-w", "%{http_code}", base + "/none.m4s")


@pytest.mark.parametrize("version", ["--http2", "--http1.1"])
def test_streams_flow_over_both_versions(secure, version):
    _, url = secure
    for path, accept, begins in (("/stream/main", "*/*", b"G"), ("/audio/main", "*/*", b"\xff\xf1"), ("/audio/main", "audio/mp4", b"\0\0\0")):
        curl_process = subprocess.Popen(["curl", "-skN", version, "-H", "Accept: " + accept, url + path], stdout=subprocess.PIPE)
        try:
            body = curl_process.stdout.read(20_000 if path == "/stream/main" else 1_000)
        finally:
            curl_process.kill()
            curl_process.wait()
            curl_process.stdout.close()
        assert body.startswith(begins), (path, accept, body[:16])
        if path == "/stream/main":
            assert all(body[at] == 0x47 for at in range(0, len(body) - 187, 188))
    assert curl(version, "-I", "-o", "/dev/null", "-w", "%{http_code}", url + "/stream/main") == b"200"
    assert curl(version, "-o", "/dev/null", "-w", "%{http_code}", url + "/ws/main") == b"426"


def test_http_1_0_is_sent_no_chunks_under_tls_either(secure):
    _, url = secure
    curl_process = subprocess.Popen(["curl", "-skNi", "--http1.0", url + "/stream/main"], stdout=subprocess.PIPE)
    try:
        head, body = curl_process.stdout.read(20_000).split(b"\r\n\r\n", 1)
    finally:
        curl_process.kill()
        curl_process.wait()
        curl_process.stdout.close()
    assert head.startswith(b"HTTP/1.0 200") and b"chunked" not in head.lower() and b"close" in head.lower(), head
    assert all(body[at] == 0x47 for at in range(0, len(body) - 187, 188))


def answers(url, requests):
    """What comes until the server closes, on one connection that all of `requests` are sent on at once."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    answer = b""
    with socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), timeout=20) as plain:
        with context.wrap_socket(plain) as peer:
            peer.sendall(requests)
            while more := peer.recv(65_536):
                answer += more
    return answer.split(b"HTTP/1.1 ")[1:]


def test_a_request_without_a_host_is_refused_under_tls_too_behind_the_answer_before_it(secure):
    _, url = secure
    told = answers(url, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n")
    assert [part[:3] for part in told] == [b"200", b"400"], told


def test_requests_sent_at_once_are_answered_in_their_order_under_tls_too(secure):
    """The first waits for what is to come, the second is answered by the pages' side, the others could be at once."""
    server, url = secure
    number, _ = llhls.parse(server.get("/hls/main/media.m3u8").text).last
    asked = [f"/hls/main/media.m3u8?_HLS_msn={number + 1}&_HLS_part=1", "/readyz", "/hls/main/nothing.m4s", "/hls/main/index.m3u8", "/stream/nope"]
    told = answers(url, "".join(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n" for path in asked).encode()
                   + b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert [part[:3] for part in told] == [b"200", b"200", b"404", b"200", b"404", b"200"], told
    assert b"#EXT-X-PART:" in told[0] and b"#EXT-X-STREAM-INF" in told[3] and b'"checks"' in told[1]


def test_a_websocket_opens_under_tls(secure):
    _, url = secure
    viewer = websocket.create_connection(url.replace("https", "wss") + "/ws/main", timeout=20, sslopt={"cert_reqs": ssl.CERT_NONE})
    messages = [viewer.recv() for _ in range(4)]
    viewer.close()
    assert '"mime":"video/mp4' in messages[0] and messages[1][4:8] == b"ftyp" and messages[2][4:8] == b"moof"


def test_a_new_certificate_is_shown_without_a_restart(secure, folder):
    server, url = secure
    port = url.rsplit(":", 1)[1]

    def shown():
        return subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}"], input=b"", capture_output=True,
                              timeout=30).stdout.decode(errors="replace")

    assert "one.example" in shown()
    make_certificate(folder, "two.example")
    wait_until(lambda: "two.example" in shown(), "the new certificate", 30)
    assert curl("--http2", "-o", "/dev/null", "-w", "%{http_code}", url + "/healthz") == b"200"
