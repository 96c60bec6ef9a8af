import Domain
import Foundation

/// What Discord's answer to a request means (Discord API: Rate Limits, Error Messages).
enum DiscordAnswer: Sendable, Equatable {
    /// `id` is the message's; `pause` is due before the next request on this webhook.
    case taken(id: String?, pause: Duration?)
    case slowDown(Duration, isGlobal: Bool)
    /// The message that was to be edited is no more.
    case messageGone
    /// The webhook is no more, or not ours.
    case webhookGone(String)
    /// This message will never be taken.
    case refused(String)
    case failed(String)

    private struct Body: Decodable {
        var id: String?
        var code: Int?
        var retry_after: Double?
        var global: Bool?
    }

    private static let unknownMessage = 10008
    /// What is longer is cut: a wrong number must not silence a target for good.
    private static let longestPause = 3600.0

    init(_ answer: OutboundAnswer) {
        // An answer that is no JSON has only its status.
        let body = try? JSONDecoder().decode(Body.self, from: Data(answer.body))
        switch answer.status {
        case 200..<300:
            let isUsedUp = answer.headers["x-ratelimit-remaining"] == "0"
            let pause = isUsedUp ? Self.pause(answer.headers["x-ratelimit-reset-after"].flatMap { Double($0) }) : nil
            self = .taken(id: body?.id.flatMap { DiscordAddress.isSnowflake($0) ? $0 : nil }, pause: pause)
        case 429:
            let seconds = body?.retry_after ?? answer.headers["retry-after"].flatMap { Double($0) }
            let isGlobal = body?.global ?? (answer.headers["x-ratelimit-global"] == "true")
            self = .slowDown(Self.pause(seconds) ?? .seconds(5), isGlobal: isGlobal)
        case 404 where body?.code == Self.unknownMessage: self = .messageGone
        case 401, 403, 404:
            self = .webhookGone(
                "Discord answered \(answer.status): make a new webhook there and give the target its URL")
        case 300..<500: self = .refused("Discord answered \(answer.status)")
        default: self = .failed("Discord answered \(answer.status)")
        }
    }

    private static func pause(_ seconds: Double?) -> Duration? {
        guard let seconds, seconds.isFinite, seconds >= 0 else { return nil }
        return .milliseconds(Int64((min(seconds, longestPause) * 1000).rounded(.up)))
    }
}

/// What the test button posts.
enum DiscordTest {
    static func post(to url: Secret, by http: any OutboundHTTP) async -> DeliveryOutcome {
        guard let address = DiscordAddress(url) else { return .refused("this is no Discord webhook's URL") }
        var message = DiscordMessage()
        message.content = "Lineup can post here."
        do throws(OutboundError) {
            let answer = try await http.send(DiscordRunner.request(.post, address.posting, message, .seconds(10)))
            switch DiscordAnswer(answer) {
            case .taken: return .delivered
            case .slowDown: return .failed("Discord asks us to slow down: try again in a minute")
            case .messageGone: return .refused("Discord does not know the message")
            case .webhookGone(let reason), .refused(let reason): return .refused(reason)
            case .failed(let reason): return .failed(reason)
            }
        } catch {
            return .failed(error.description)
        }
    }
}
