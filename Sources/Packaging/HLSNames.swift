/// The names of a channel's files, behind `/hls/CHANNEL/`. A name never means other bytes, playlists aside: init sections are
/// named after the first segment that needs them.
package struct HLSNames: Sendable, Equatable {
    package let playlist: String
    private let segmentPrefix: String
    private let segmentSuffix: String
    private let partPrefix: String
    private let initializationPrefix: String

    /// The variants for players of our time: fragmented MP4, whole and sound alone.
    package static let multivariant = "index.m3u8"
    /// For boxes that know nothing but MPEG-TS. By itself: a player that has both before it takes the one with the higher
    /// bit rate, and that would be the transport stream, without parts.
    package static let transportStreamMultivariant = "index-ts.m3u8"

    package static let programme = HLSNames(
        playlist: "media.m3u8", segmentPrefix: "segment-", segmentSuffix: ".m4s", partPrefix: "part-",
        initializationPrefix: "init-")
    package static let audio = HLSNames(
        playlist: "audio.m3u8", segmentPrefix: "audio-", segmentSuffix: ".m4s", partPrefix: "audio-part-",
        initializationPrefix: "audio-init-")
    package static let transportStream = HLSNames(
        playlist: "ts.m3u8", segmentPrefix: "segment-", segmentSuffix: ".ts", partPrefix: "", initializationPrefix: "")

    /// MPEG-DASH's list, behind `/dash/CHANNEL/`.
    package static let manifest = "manifest.mpd"
    /// The pictures alone of a file of `programme`, for MPEG-DASH.
    static func pictures(_ name: String) -> String { "video-" + name }

    /// `segment` for a template of MPEG-DASH.
    var template: String { segmentPrefix + "$Number$" + segmentSuffix }

    package func segment(_ number: Int64) -> String { "\(segmentPrefix)\(number)\(segmentSuffix)" }
    package func part(_ index: Int, of number: Int64) -> String { "\(partPrefix)\(number).\(index).m4s" }
    package func initialization(firstSegment number: Int64) -> String { "\(initializationPrefix)\(number).mp4" }
}
