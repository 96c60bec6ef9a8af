import Domain
import NIOCore

/// Notices that a publisher's picture no longer comes, or that its sound is silent or no longer comes, while the connection goes
/// on (design §4, `deadAfter`). Pure; owned by `LivePublisher`, under its lock.
///
/// Nothing is decoded here: an AAC frame of digital silence is a dozen bytes whatever the bitrate, or 23 when ffmpeg's encoder
/// writes its name into one every few seconds; a frame of anything that can be heard is longer. Encoders that pad silence to a constant bitrate go unnoticed.
struct AbsenceWatch {
    /// For how long, so far; `nil` for what is there.
    struct Absence: Equatable {
        var picture: Duration?
        var sound: Duration?
    }

    /// Less is no absence: a slow picture rate, a late packet.
    static let patience: Int64 = 2_000_000_000
    /// Bytes of the largest frame that is taken for silence.
    static let silentFrameBytes = 24

    private var lastPicture: Int64?
    private var lastSound: Int64?
    private var isPictureMissing = false
    private var isSoundMissing = false

    mutating func received(_ unit: AccessUnit, at now: Int64) {
        switch unit.track {
        case .video: lastPicture = now
        case .audio:
            // A DJ may begin in silence: that counts from the first frame.
            if unit.payload.readableBytes > Self.silentFrameBytes || lastSound == nil { lastSound = now }
        }
    }

    /// - Returns: what is missing, when that has changed since the last look.
    mutating func looked(at now: Int64) -> Absence? {
        let picture = lastPicture.map { now - $0 >= Self.patience } ?? false
        let sound = lastSound.map { now - $0 >= Self.patience } ?? false
        guard (picture, sound) != (isPictureMissing, isSoundMissing) else { return nil }
        (isPictureMissing, isSoundMissing) = (picture, sound)
        return Absence(
            picture: picture ? lastPicture.map { .nanoseconds(now - $0) } : nil,
            sound: sound ? lastSound.map { .nanoseconds(now - $0) } : nil)
    }
}
