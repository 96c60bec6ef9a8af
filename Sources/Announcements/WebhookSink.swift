import Domain

/// Posts events to a webhook, signed (docs/webhooks.md).
///
///     X-Lineup-Timestamp: 1795291200
///     X-Lineup-Signature: sha256=HEX      HMAC-SHA256, key: the secret, message: timestamp "." body
struct WebhookSink: TargetSink {
    let target: Target
    let secrets: TargetSecrets
    let http: any OutboundHTTP
    let authentication: any MessageAuthenticating
    let clock: any WallClock
    /// Paces the tries beside a long one.
    let timer: any Clock<Duration>

    func deliver(
        _ events: [EventRecord], isReplay: Bool, patience: DeliveryMachine.Patience
    ) async -> DeliveryOutcome {
        do {
            return Self.outcome(of: try await answer(to: events, isReplay: isReplay, patience: patience))
        } catch {
            return .failed(error.description)
        }
    }

    /// RFC 9110 §15: what a status means for an event.
    private static func outcome(of answer: OutboundAnswer) -> DeliveryOutcome {
        let text = "it answered \(answer.status)"
        switch answer.status {
        case 200..<300: return .delivered
        case 300..<400: return .refused("\(text): redirects are not followed, give the target its final URL")
        case 408, 429: return .failed(text, asked: retryAfter(answer))
        case 400..<500: return .refused(text)
        default: return .failed(text, asked: retryAfter(answer))
        }
    }

    /// In seconds only; the form with a date is left alone (RFC 9110 §10.2.3).
    static func retryAfter(_ answer: OutboundAnswer) -> Duration? {
        guard let seconds = answer.headers["retry-after"].flatMap({ Double($0) }), seconds.isFinite, seconds >= 0
        else { return nil }
        return .milliseconds(Int64(min(seconds, 86_400) * 1000))
    }

    private func answer(
        to events: [EventRecord], isReplay: Bool, patience: DeliveryMachine.Patience
    ) async throws(OutboundError) -> OutboundAnswer {
        switch patience {
        case .full: try await http.send(request(events, isReplay, DeliveryMachine.fullTimeout))
        case .brief: try await http.send(request(events, isReplay, DeliveryMachine.briefTimeout))
        case .hedged: try await hedged(events, isReplay)
        }
    }

    /// A target that comes back while a long try hangs on a connection of before is found by the short ones beside it.
    private func hedged(_ events: [EventRecord], _ isReplay: Bool) async throws(OutboundError) -> OutboundAnswer {
        let result = await withTaskGroup(of: Result<OutboundAnswer, OutboundError>.self) { group in
            for start in [Duration.zero, DeliveryMachine.briefTimeout, DeliveryMachine.briefTimeout * 2] {
                let timeout = start == .zero ? DeliveryMachine.fullTimeout : DeliveryMachine.briefTimeout
                group.addTask {
                    do throws(OutboundError) {
                        // Cancelled: another one has its answer.
                        if start > .zero, (try? await timer.sleep(for: start)) == nil { throw .timedOut }
                        return .success(try await http.send(request(events, isReplay, timeout)))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            var last = Result<OutboundAnswer, OutboundError>.failure(.timedOut)
            for await result in group {
                last = result
                if case .success = result { break }
            }
            group.cancelAll()
            return last
        }
        return try result.get()
    }

    private func request(_ events: [EventRecord], _ isReplay: Bool, _ timeout: Duration) -> OutboundRequest {
        let body = EventText.body(events, isArray: target.batch > 1)
        let timestamp = String(clock.now().milliseconds / 1000)
        var headers = secrets.headers
        func add(_ name: String, _ value: String) { headers.append(TargetHeader(name: name, value: Secret(value))) }
        add("Content-Type", "application/json")
        add("X-Lineup-Timestamp", timestamp)
        if let secret = secrets.signing {
            let code = authentication.hmacSHA256(
                key: Array(secret.exposed.utf8), message: Array(timestamp.utf8) + [UInt8(ascii: ".")] + body)
            add("X-Lineup-Signature", "sha256=" + code.map(Self.hexadecimal).joined())
        }
        if target.batch > 1 {
            add("X-Lineup-Batch-Size", String(events.count))
        } else if let event = events.first {
            add("X-Lineup-Event", event.kind)
            add("X-Lineup-Event-Id", EventText.globalID(event))
        }
        if isReplay { add("X-Lineup-Replay", "true") }
        return OutboundRequest(method: .post, url: secrets.url, headers: headers, body: body, timeout: timeout)
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
    }
}
