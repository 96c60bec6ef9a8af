import Domain
import HTTPTypes

/// What a request for a stream asks for, read from its head alone. Pure.
struct StreamRequest: Equatable {
    enum Form: Equatable {
        /// One endless body of this type.
        case body(contentType: String)
        case webSocket
        /// `/ws/` without a handshake: who would be let in is told 426, others why not.
        case webSocketMissing
    }

    var channel: ChannelName
    var wrapping: ProgrammeStreams.Wrapping
    var form: Form
    var kind: ViewerProtocol
    var token: String?
    /// `region=` as sent.
    var region: String?
    /// `false` for HEAD, the head alone, and for what is answered with a problem.
    var wantsBody: Bool

    /// The route's template, for metrics.
    var route: String { "/\(Self.folder(of: kind))/{channel}" }

    enum Reading: Equatable {
        /// Not an address of ours: the router's.
        case notOurs
        case stream(StreamRequest)
        case problem(ProblemKind)
        /// A page of another site asks first (CORS).
        case preflight
    }

    enum ProblemKind: Equatable {
        case noChannel
        case unknownFormat
        /// 405.
        case wrongMethod
    }

    /// - Parameter head: as it came; `Sec-WebSocket-…` is looked at by whoever upgrades.
    static func read(_ head: HTTPRequest) -> Reading {
        guard let target = head.path, target.utf8.count <= WebServerConfiguration.maximumTargetBytes else {
            return .notOurs
        }
        let path = target.prefix { $0 != "?" && $0 != "#" }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].isEmpty, let kind = kind(of: parts[1]) else { return .notOurs }
        switch head.method {
        case .get, .head: break
        case .options: return .preflight
        default: return .problem(.wrongMethod)
        }
        guard let channel = ChannelName(parts[2]) else { return .problem(.noChannel) }
        let query = TargetQuery(target)
        var request = StreamRequest(
            channel: channel, wrapping: .transportStream, form: .body(contentType: "video/mp2t"), kind: kind,
            token: query[DeliveryRequest.tokenParameter], region: query[Region.parameter],
            wantsBody: head.method == .get)
        switch kind {
        case .audio:
            let wantsFragments = prefersFragments(head.headerFields[values: .accept])
            request.wrapping = wantsFragments ? .audioFragments : .audioFrames
            request.form = .body(contentType: wantsFragments ? "audio/mp4" : "audio/aac")
        case .webSocket:
            request.form = .webSocket
            if !WebSocketUpgrade.isHandshake(head) {
                request.form = .webSocketMissing
                request.wantsBody = false
            }
            switch query["format"] {
            case nil, "mp4": request.wrapping = .webSocketFragments
            case "ts": request.wrapping = .webSocketTransportStream
            default: return .problem(.unknownFormat)
            }
        case .transportStream, .hls, .dash, .rtmp: break
        }
        return .stream(request)
    }

    /// `audio/mp4` is asked for, and nothing else that we have more (RFC 9110 §12.5.1).
    private static func prefersFragments(_ accept: [String]) -> Bool {
        var weights: [String: Double] = [:]
        for range in accept.joined(separator: ",").split(separator: ",") {
            let parts = range.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
            guard let type = parts.first else { continue }
            let weight = parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) } ?? 1
            weights[type] = weight
        }
        guard let fragments = weights["audio/mp4"], fragments > 0 else { return false }
        return fragments >= max(weights["audio/aac"] ?? 0, weights["audio/aacp"] ?? 0)
    }

    private static func kind(of folder: some StringProtocol) -> ViewerProtocol? {
        switch folder {
        case "stream": .transportStream
        case "audio": .audio
        case "ws": .webSocket
        default: nil
        }
    }

    private static func folder(of kind: ViewerProtocol) -> String {
        switch kind {
        case .audio: "audio"
        case .webSocket: "ws"
        case .transportStream, .hls, .dash, .rtmp: "stream"
        }
    }
}

/// The fields of a target's query, percent-encoding left as it is; the first of a name counts.
struct TargetQuery {
    private let pairs: [(name: Substring, value: Substring)]

    init(_ target: String) {
        guard let start = target.firstIndex(of: "?") else {
            pairs = []
            return
        }
        let text = target[target.index(after: start)...].prefix { $0 != "#" }
        pairs = text.split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (parts[0], parts.count == 2 ? parts[1] : "")
        }
    }

    subscript(name: String) -> String? { pairs.first { $0.name == name }.map { String($0.value) } }
}
