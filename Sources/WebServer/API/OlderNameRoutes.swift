import Domain
import HTTPTypes
import Hummingbird
import NIOCore

/// The queue's older names (design §6): what older scripts and OBS browser sources ask for. Reads are public and hold names and
/// seconds only; writes need an operator, by session or token.
struct OlderNameRoutes: Sendable {
    var queue: any QueueDesk
    var pages: PageStore

    private struct Names: Encodable {
        var stream_queue: [String]
    }

    private struct Timer: Encodable {
        private enum CodingKeys: String, CodingKey { case remaining_time }

        var remaining_time: Double?

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            // `null`: nobody on air, or no limit.
            try container.encode(remaining_time, forKey: .remaining_time)
        }
    }

    private struct TimerChange: Encodable {
        private enum CodingKeys: String, CodingKey { case interval, remaining_time }

        var interval: Int
        var remaining_time: Double?

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(interval, forKey: .interval)
            try container.encode(remaining_time, forKey: .remaining_time)
        }
    }

    private struct Block: Encodable {
        var block: Bool
    }

    var routes: [Route] {
        [
            Route(.get, "/queue-json") { _ in
                let view = try await queue.view(of: .main)
                return JSONAnswer.response(Names(stream_queue: view.entries.map(\.name)))
            },
            Route(.get, "/timer-data") { _ in
                let view = try await queue.view(of: .main)
                return JSONAnswer.response(Timer(remaining_time: Self.remaining(in: view)))
            },
            Route(.get, "/queue-list") { _ in
                let names = try await queue.view(of: .main).entries.map(\.name)
                return try overlay("/queue-list.html", content: Self.list(names))
            },
            Route(.get, "/timer-page") { _ in
                let left = Self.remaining(in: try await queue.view(of: .main))
                return try overlay("/timer-page.html", content: left.map(Self.clockFace) ?? "")
            },
        ]
            + Self.bothWays(.post, "/update-timer/{seconds}") { try await updateTimer($0) }
            + Self.bothWays(.post, "/update-block-toggle") { try await toggleBlock($0) }
    }

    /// Older scripts write these with and without the closing slash.
    private static func bothWays(
        _ method: HTTPRequest.Method, _ template: String,
        _ handle: @escaping @Sendable (WebRequest) async throws -> Response
    ) -> [Route] {
        [template, template + "/"].map { Route(method, $0, .atLeast(.operator), handle: handle) }
    }

    private static func remaining(in view: QueueView) -> Double? {
        view.entries.first { $0.state == .onAir }?.remainingSeconds
    }

    // MARK: Writes

    /// The slot length in seconds; with `reset_time=true` the running slot begins anew, else its elapsed time counts.
    private func updateTimer(_ request: WebRequest) async throws -> Response {
        guard let seconds = request.parameters["seconds"].flatMap({ Int($0) }), (1...86_400).contains(seconds) else {
            throw Problem.badRequest(field: "seconds", "This must be between 1 and 86400 seconds.")
        }
        let reset = try request.flag("reset_time") ?? false
        let view = try await queue.perform(
            QueueCommand(
                act: .setSlotLength(seconds: seconds, resetRunning: reset), actor: try request.actor()), on: .main)
        return JSONAnswer.response(TimerChange(interval: seconds, remaining_time: Self.remaining(in: view)))
    }

    /// Turns the block after a turn on or off; with `?block=true` or `false` it is set, which may be repeated.
    private func toggleBlock(_ request: WebRequest) async throws -> Response {
        let wanted = try request.flag("block")
        let view = try await queue.view(of: .main)
        let isOn = try await queue.settings(of: .main).blockAfterTurn != .off
        let turnOn = wanted ?? !isOn
        guard turnOn != isOn else { return JSONAnswer.response(Block(block: isOn)) }
        _ = try await queue.perform(
            QueueCommand(
                act: .set(["blockAfterTurn": turnOn ? "untilSomeoneElsePlayed" : "off"]), actor: try request.actor(),
                // Two toggles at once must not both turn the same way.
                expectedVersion: wanted == nil ? view.version : nil), on: .main)
        return JSONAnswer.response(Block(block: turnOn))
    }

    // MARK: Pages

    /// The page as it is at this moment; its script keeps it so. `content` is HTML.
    private func overlay(_ name: String, content: String) throws -> Response {
        guard let page = pages.page(at: name) else { throw Problem.notFound() }
        let text = String(buffer: page.body).replacing("<!--now-->", with: content)
        return Response(
            status: .ok,
            headers: [
                .contentType: page.contentType, .cacheControl: "no-store",
                .contentSecurityPolicy: Page.overlaySecurityPolicy,
            ], body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
    }

    static func list(_ names: [String]) -> String {
        names.map { "<li>" + escaped($0) + "</li>" }.joined()
    }

    /// Text as it may stand in an element.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            case "'": escaped += "&#39;"
            default: escaped.unicodeScalars.append(character)
            }
        }
        return escaped
    }

    /// `0:07`, `12:30`, `1:02:03`, as the page's script writes it.
    static func clockFace(_ seconds: Double) -> String {
        let whole = Int(min(max(seconds, 0), 1_000_000).rounded(.up))
        let two = { (number: Int) in number < 10 ? "0\(number)" : "\(number)" }
        let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
        return hours > 0 ? "\(hours):\(two(minutes)):\(two(rest))" : "\(minutes):\(two(rest))"
    }
}

extension WebRequest {
    /// A switch of the query; `nil` when it is absent.
    /// - Throws: 400 when it is neither on nor off.
    func flag(_ name: String) throws(Problem) -> Bool? {
        guard let text = query(name)?.lowercased() else { return nil }
        switch text {
        case "true", "1", "yes", "on": return true
        case "false", "0", "no", "off": return false
        default: throw .badRequest(field: name, "This must be true or false.")
        }
    }
}
