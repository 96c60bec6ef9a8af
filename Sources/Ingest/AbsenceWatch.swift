import Domain
import NIOCore

/// Notices that a publisher's picture no longer comes, or that its sound is silent or no longer comes, while the connection goes
/// on (design §4, `deadAfter`). Pure; owned by `LivePublisher`, under its lock.
struct AbsenceWatch {
    /// For how long, so far; `nil` for what is there.
    struct Absence: Equatable {
        var picture: Duration?
        var sound: Duration?
    }

    /// Less is no absence: a slow picture rate, a late packet.
    static let patience: Int64 = 2_000_000_000

    private var lastPicture: Int64?
    private var hearing = Hearing()
    private var isPictureMissing = false
    private var isSoundMissing = false

    mutating func received(_ unit: AccessUnit, at now: Int64) {
        switch unit.track {
        case .video: lastPicture = now
        case .audio: hearing.received(bytes: unit.payload.readableBytes, at: now)
        }
    }

    mutating func received(_ levels: SoundLevels, at now: Int64) { hearing.decoded(levels, at: now) }

    /// - Returns: what is missing, when that has changed since the last look.
    mutating func looked(at now: Int64) -> Absence? {
        let picture = lastPicture.map { now - $0 >= Self.patience } ?? false
        let lastSound = hearing.lastHeard
        let sound = lastSound.map { now - $0 >= Self.patience } ?? false
        guard (picture, sound) != (isPictureMissing, isSoundMissing) else { return nil }
        (isPictureMissing, isSoundMissing) = (picture, sound)
        return Absence(
            picture: picture ? lastPicture.map { .nanoseconds(now - $0) } : nil,
            sound: sound ? lastSound.map { .nanoseconds(now - $0) } : nil)
    }
}
