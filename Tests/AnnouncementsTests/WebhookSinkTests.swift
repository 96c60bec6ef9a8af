import Cryptography
import Domain
import Foundation
import TestKit
import Testing

@testable import Announcements

/// What a webhook is sent, and what its answers mean.
@Suite(.timeLimit(.minutes(1))) struct WebhookSinkTests {
    private let http = FakeHTTP()

    private func sink(batch: Int = 1, timer: any Clock<Duration> = ContinuousClock()) -> WebhookSink {
        let target = Target(
            id: .random(), name: "studio", kind: .webhook, place: "https://example.org", batch: batch,
            createdAt: WallTime(milliseconds: 0))
        return WebhookSink(
            target: target,
            secrets: TargetSecrets(
                url: Secret("https://example.org/in"), signing: Secret("0123456789abcdef"),
                headers: [TargetHeader(name: "X-Own", value: Secret("own"))]),
            http: http, authentication: SHA256Authentication(), clock: FakeWallClock(), timer: timer)
    }

    @Test func signsTimestampAndBody() async throws {
        let outcome = await sink().deliver(
            [.sample(7, payload: #"{"name":"Mira \"x\""}"#)], isReplay: false, patience: .full)
        #expect(outcome == .delivered)
        let request = try #require(http.requests.first)
        let body =
            #"{"id":"1-7","kind":"queue.joined","channel":"main","at":"2026-11-21T20:00:00.007Z","version":7,"payload":{"name":"Mira \"x\""}}"#
        #expect(request.text == body)
        #expect(request.header("X-Lineup-Timestamp") == "1795291200")
        // Reckoned by another implementation:
        // printf '1795291200.%s' "$body" | openssl dgst -sha256 -hmac 0123456789abcdef
        let expected = SHA256Authentication().hmacSHA256(
            key: Array("0123456789abcdef".utf8), message: Array("1795291200.\(body)".utf8))
        #expect(
            request.header("X-Lineup-Signature") == "sha256=" + expected.map { String(format: "%02x", $0) }.joined())
        #expect(request.header("X-Lineup-Event-Id") == "main/1-7" && request.header("X-Lineup-Event") == "queue.joined")
        #expect(request.header("X-Own") == "own" && request.header("X-Lineup-Replay") == nil)
        #expect(request.timeout == .seconds(10))
    }

    @Test func sendsABatchAsAnArray() async throws {
        _ = await sink(batch: 10).deliver([.sample(1), .sample(2)], isReplay: true, patience: .brief)
        let request = try #require(http.requests.first)
        #expect(request.text.hasPrefix("[{\"id\":\"1-1\"") && request.text.hasSuffix("]"))
        #expect(request.header("X-Lineup-Batch-Size") == "2" && request.header("X-Lineup-Replay") == "true")
        #expect(request.timeout == .milliseconds(3500))
    }

    @Test(arguments: [
        (200, true, false), (204, true, false), (301, false, true), (302, false, true), (400, false, true),
        (404, false, true), (410, false, true), (408, false, false), (429, false, false), (500, false, false),
        (503, false, false),
    ]) func readsAnswers(_ status: Int, _ isDelivered: Bool, _ isFinal: Bool) async {
        http.answer { _ in .success(OutboundAnswer(status: status, headers: ["retry-after": "12"])) }
        let outcome = await sink().deliver([.sample(1)], isReplay: false, patience: .full)
        switch outcome {
        case .delivered: #expect(isDelivered)
        case .refused: #expect(isFinal && !isDelivered)
        case .failed(_, let asked): #expect(!isFinal && !isDelivered && asked == .seconds(12))
        case .gone: Issue.record("nothing says so")
        }
    }

    @Test func aLongTryThatHangsIsOvertakenByAShortOne() async {
        let timer = FakeTimer()
        http.answer { request in
            guard request.timeout == .seconds(10) else { return .success(OutboundAnswer(status: 200)) }
            // On a connection of before its return: it never answers.
            try? await Task.sleep(for: .seconds(600))
            return .failure(.timedOut)
        }
        let sink = sink(timer: timer)
        async let outcome = sink.deliver([.sample(1)], isReplay: false, patience: .hedged)
        await timer.pass(.milliseconds(3500))
        #expect(await outcome == .delivered)
    }
}
