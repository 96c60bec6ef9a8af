import Domain

/// The slates made lately, by what was asked for: DJs of one collective mostly send alike. At most `limit`, a few hundred
/// kilobytes each; the one used longest ago goes first, the channel's default never.
struct SlateClips {
    static let limit = 8

    private let defaultRequest: SlateRequest
    private let defaultClip: SlateClip
    private var others: [(request: SlateRequest, clip: SlateClip)] = []

    init(defaultRequest: SlateRequest, clip: SlateClip) {
        self.defaultRequest = defaultRequest
        self.defaultClip = clip
    }

    func clip(for request: SlateRequest) -> SlateClip? {
        request == defaultRequest ? defaultClip : others.first { $0.request == request }?.clip
    }

    mutating func keep(_ clip: SlateClip, for request: SlateRequest) {
        guard request != defaultRequest else { return }
        others.removeAll { $0.request == request }
        others.append((request, clip))
        if others.count > Self.limit { others.removeFirst() }
    }
}

extension SlateRequest {
    /// The same slate in the codec, size, rate and layout of `format`, so that nothing but parameters changes in a slot; a rate that
    /// its VUI does not tell stays as it is.
    func matching(_ format: ProgrammeFormat) -> SlateRequest {
        var request = self
        request.codec = format.video.codec
        // 4:2:0 needs even sizes.
        request.width = max(16, format.video.width & ~1)
        request.height = max(16, format.video.height & ~1)
        if let rate = format.video.frameRate, rate >= 1, rate <= 120 { request.frameRate = Int(rate.rounded()) }
        request.sampleRate = format.audio.sampleRate
        request.channels = format.audio.channels
        return request
    }
}
