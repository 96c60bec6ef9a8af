package import Domain

/// What a publisher asks for, before its address on the network is known to anybody but the transport.
package struct PublishIntent: Sendable, Equatable {
    package var application: String
    /// Empty when none was sent.
    package var key: Secret
    /// `flashVer`, at most 128 characters, control characters removed.
    package var encoder: String?

    package init(application: String, key: Secret, encoder: String?) {
        self.application = application
        self.key = key
        self.encoder = encoder
    }
}

/// The path an encoder was given, taken apart: `live`, `live/`, `live?token=1`, `live/KEY`.
///
/// OBS with `rtmp://HOST/live/KEY` as its server and no key sends the application `live/KEY` and an empty stream name; ffmpeg
/// and librtmp send the last path element as the stream name.
struct PublishAddress: Equatable {
    static let application = "live"

    /// The first path element.
    var application: String
    private var rest: String

    init(application path: String) {
        let elements = Self.withoutQuery(path).split(separator: "/", omittingEmptySubsequences: true)
        application = elements.first.map(String.init) ?? ""
        rest = elements.dropFirst().joined(separator: "/")
    }

    var isKnown: Bool { application == Self.application }

    /// The key, from the stream name or else from the application's path. `nil` when both are there and differ: that is a
    /// second application name.
    func key(streamName: String) -> Secret? {
        let name = Self.withoutQuery(streamName).split(separator: "/", omittingEmptySubsequences: true)
            .joined(separator: "/")
        if name.isEmpty || name == rest { return Secret(rest) }
        return rest.isEmpty ? Secret(name) : nil
    }

    private static func withoutQuery(_ text: String) -> Substring { text.prefix { $0 != "?" } }
}
