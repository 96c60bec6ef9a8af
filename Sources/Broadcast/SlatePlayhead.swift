import Domain

/// One unit of a source, moved onto the programme timeline but not stamped yet.
struct Candidate {
    var unit: AccessUnit
    var decode: MediaTime
    var presentation: MediaTime
}

/// Loops the slate's clip from `start` on. Owned by `Programme`.
struct SlatePlayhead {
    let clip: SlateClip
    let start: MediaTime
    private var index = 0
    private var loops: Int64 = 0

    /// - Parameter clip: with at least one picture and a duration above zero.
    init(clip: SlateClip, start: MediaTime) {
        self.clip = clip
        self.start = start
    }

    var video: Candidate? {
        guard index < clip.video.count else { return nil }
        let unit = clip.video[index]
        let time = start + clip.videoDuration * loops + unit.decodeTime
        return Candidate(unit: unit, decode: time, presentation: time)
    }

    var pictureDuration: MediaTime { clip.videoDuration / Int64(max(1, clip.video.count)) }

    mutating func videoTaken() {
        index += 1
        guard index >= clip.video.count else { return }
        index = 0
        loops += 1
    }
}
