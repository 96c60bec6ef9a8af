import NIOCore

/// What a `DelayLine` holds: two tracks of numbered units, their formats and the key frames among them. A plain value;
/// `DelayLine` puts the lock around it.
struct DelayLineStore {
    struct Held {
        var unit: AccessUnit
        var arrival: Int64
        /// Bytes of memory that it keeps and the one before it did not.
        var memory: Int
    }

    /// Units of one track; `first` is the number of the oldest held.
    struct Track {
        var first: Int64 = 0
        var units = CircularBuffer<Held>()

        var end: Int64 { first + Int64(units.count) }

        func held(at sequence: Int64) -> Held? {
            guard sequence >= first, sequence < end else { return nil }
            return units[units.index(units.startIndex, offsetBy: Int(sequence - first))]
        }

        /// - Returns: the memory it takes.
        mutating func append(_ unit: AccessUnit, at moment: Int64) -> Int {
            let memory = memory(of: unit.payload)
            units.append(Held(unit: unit, arrival: moment, memory: memory))
            return memory
        }

        /// What keeping `payload` behind the newest unit takes: its place and its memory, which is that of a whole page of messages
        /// where it is the first of one, and of a whole message where it is a piece of that (one track of several, one message of an
        /// aggregate). A publisher that sends little of use among much that is thrown away still holds it all.
        private func memory(of payload: ByteBuffer) -> Int {
            let place = MemoryLayout<Held>.stride
            if let newest = units.last, newest.unit.payload.sharesMemory(with: payload) { return place }
            return place + payload.storageCapacity
        }
    }

    /// Formats by the first unit they hold for.
    struct Formats<Format: Equatable> {
        private var marks: [(from: Int64, format: Format, memory: Int)] = []
        /// Of all that are held, in bytes.
        private(set) var memory = 0

        func format(at sequence: Int64) -> Format? { marks.last { $0.from <= sequence }?.format }

        /// - Parameter memory: what `format` takes, in bytes.
        mutating func set(_ format: Format, from sequence: Int64, memory: Int) {
            guard marks.last?.format != format else { return }
            if let last = marks.last, last.from == sequence {
                marks.removeLast()
                self.memory -= last.memory
            }
            marks.append((sequence, format, memory))
            self.memory += memory
        }

        mutating func trim(before sequence: Int64) {
            while marks.count > 1, marks[1].from <= sequence { memory -= marks.removeFirst().memory }
        }
    }

    /// Audio is kept this much before the oldest kept key frame: an unplanned join may need sound before its picture.
    static let audioLead = MediaTime.milliseconds(1000)
    /// Without video nothing says what audio is still needed: this much, and the delay.
    static let audioWithoutVideo: Int64 = 10_000_000_000

    let maximumBytes: Int
    var video = Track()
    var audio = Track()
    var keyFrames: [DelayLine.KeyFrame] = []
    var videoFormats = Formats<VideoFormat>()
    var audioFormats = Formats<AudioFormat>()
    var isEnded = false
    private var retention = DelayLine.Retention.lastGroup
    /// Of the units.
    private var bytes = 0
    private var droppedGroups = 0
    private var arrival = ArrivalMeter()
    private var unitCount: UInt64 = 0
    private var keyFrameCount: UInt64 = 0
    private var waitsForKeyFrame = true

    init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

    var mark: DelayLine.Mark {
        DelayLine.Mark(units: unitCount, keyFrames: keyFrameCount, isEnded: isEnded)
    }

    var summary: DelayLine.Summary {
        DelayLine.Summary(
            isEnded: isEnded, firstArrival: arrival.first, newestArrival: arrival.newest,
            steadySince: arrival.steadySince, videoLead: arrival.videoLead.best, audioLead: arrival.audioLead.best,
            newestVideo: arrival.newestVideo, newestAudio: arrival.newestAudio, bytes: memory,
            droppedGroups: droppedGroups)
    }

    private var memory: Int { bytes + videoFormats.memory + audioFormats.memory }

    private var hasUnits: Bool { !video.units.isEmpty || !audio.units.isEmpty }

    /// Many wait and few are near their turn, so those who wait get a quarter.
    private var limit: Int {
        switch retention {
        case .lastGroup: maximumBytes / 4
        case .delayed, .reading: maximumBytes
        }
    }

    /// `nil`: the reader decides.
    private var longestSpan: MediaTime? {
        switch retention {
        case .lastGroup: DelayLine.longestGroup
        case .delayed(let delay): DelayLine.longestGroupNearTurn + MediaTime(nanoseconds: delay.wholeNanoseconds)
        case .reading: nil
        }
    }

    // MARK: Writing

    mutating func append(_ unit: AccessUnit, at moment: Int64) {
        guard !isEnded else { return }
        arrival.arrived(unit, at: moment)
        unitCount += 1
        switch unit.track {
        case .video:
            if unit.isKeyFrame {
                waitsForKeyFrame = false
                keyFrameCount += 1
                keyFrames.append(
                    DelayLine.KeyFrame(
                        sequence: video.end, decodeTime: unit.decodeTime, presentationTime: unit.presentationTime))
            }
            guard !waitsForKeyFrame else { return }
            bytes += video.append(unit, at: moment)
        case .audio:
            bytes += audio.append(unit, at: moment)
        }
        trim()
        // The newest formats stay, whatever they take.
        while memory > limit, hasUnits { dropOldestGroup() }
        if let longestSpan { trim(to: longestSpan) }
    }

    mutating func append(_ format: TrackFormat) {
        switch format {
        case .video(let format): videoFormats.set(format, from: video.end, memory: format.memory)
        case .audio(let format): audioFormats.set(format, from: audio.end, memory: format.memory)
        }
    }

    // MARK: Reading

    func read(_ track: TrackKind, at sequence: Int64) -> DelayLine.Reading {
        let units = track == .video ? video : audio
        if let held = units.held(at: sequence) { return .unit(held.unit) }
        if sequence < units.first { return .lost(resumeAt: units.first) }
        return isEnded ? .ended : .nothingYet
    }

    /// The span of picture that is held behind `key`.
    func depth(of key: DelayLine.KeyFrame) -> MediaTime {
        (video.units.last?.unit.decodeTime ?? key.decodeTime) - key.decodeTime
    }

    func newestKeyFrame(depth: MediaTime) -> DelayLine.KeyFrame? {
        keyFrames.last { self.depth(of: $0) >= depth }
    }

    func newestSound(depth: MediaTime) -> MediaTime? {
        guard let newest = audio.units.last?.unit.presentationTime else { return nil }
        let place = firstAudio(from: newest - depth + MediaTime(nanoseconds: 1)) - 1
        return audio.held(at: place)?.unit.presentationTime
    }

    func firstAudio(from time: MediaTime) -> Int64 {
        var low = audio.first
        var high = audio.end
        while low < high {
            let middle = low + (high - low) / 2
            guard let held = audio.held(at: middle) else { break }
            if held.unit.presentationTime < time { low = middle + 1 } else { high = middle }
        }
        return low
    }

    // MARK: Forgetting

    mutating func retain(_ retention: DelayLine.Retention) {
        self.retention = retention
        trim()
    }

    mutating func release(before videoPlace: Int64, audio audioPlace: Int64) {
        guard retention == .reading else { return }
        guard !isEnded, let newest = keyFrames.last, newest.sequence < videoPlace else {
            dropVideo(before: videoPlace)
            dropAudio(before: audioPlace)
            return
        }
        dropVideo(before: newest.sequence)
        dropAudio(before: min(audioPlace, firstAudio(from: newest.presentationTime - Self.audioLead)))
    }

    private mutating func trim() {
        let keep: DelayLine.KeyFrame?
        switch retention {
        case .reading: return
        case .lastGroup: keep = keyFrames.last
        case .delayed(let delay):
            keep = newestKeyFrame(depth: MediaTime(nanoseconds: delay.wholeNanoseconds))
            if keep == nil, !keyFrames.isEmpty { return }
        }
        guard let keep else {
            var span = Self.audioWithoutVideo
            if case .delayed(let delay) = retention { span += delay.wholeNanoseconds }
            while let oldest = audio.units.first, let newest = arrival.newest,
                oldest.arrival < newest - span
            {
                dropAudio(before: audio.first + 1)
            }
            return
        }
        dropVideo(before: keep.sequence)
        // Asked at each unit, and mostly there is nothing to drop: no search.
        let oldest = keep.presentationTime - Self.audioLead
        while let first = audio.units.first, first.unit.presentationTime < oldest {
            dropAudio(before: audio.first + 1)
        }
    }

    private mutating func trim(to span: MediaTime) {
        if let newest = video.units.last?.unit.decodeTime, let oldest = video.units.first?.unit.decodeTime,
            newest - oldest > span
        {
            dropOldestGroup()
        }
        // A picture that stands still keeps its group, and not all the sound since.
        while let newest = audio.units.last?.unit.presentationTime,
            let oldest = audio.units.first?.unit.presentationTime,
            newest - oldest > span + Self.audioLead
        {
            dropAudio(before: audio.first + 1)
        }
    }

    /// Makes room: the oldest group of pictures goes, with the sound that belongs to it.
    private mutating func dropOldestGroup() {
        droppedGroups += 1
        if let next = keyFrames.first(where: { $0.sequence > video.first }) {
            dropVideo(before: next.sequence)
            dropAudio(before: firstAudio(from: next.presentationTime - Self.audioLead))
        } else {
            dropVideo(before: video.end)
            dropAudio(before: audio.end)
            waitsForKeyFrame = true
        }
    }

    private mutating func dropVideo(before place: Int64) {
        while video.first < place, let held = video.units.popFirst() {
            video.first += 1
            bytes -= held.memory
        }
        let gone = keyFrames.prefix { $0.sequence < video.first }.count
        if gone > 0 { keyFrames.removeFirst(gone) }
        videoFormats.trim(before: video.first)
    }

    private mutating func dropAudio(before place: Int64) {
        while audio.first < place, let held = audio.units.popFirst() {
            audio.first += 1
            bytes -= held.memory
        }
        audioFormats.trim(before: audio.first)
    }
}

extension VideoFormat {
    /// With what the heap adds to each array, in bytes.
    fileprivate var memory: Int {
        parameterSets.reduce(MemoryLayout<Self>.stride + configuration.count) { $0 + $1.count + 64 }
    }
}

extension AudioFormat {
    fileprivate var memory: Int { MemoryLayout<Self>.stride + configuration.count }
}

extension ByteBuffer {
    /// Both are pieces of one block of memory, which is there as long as either is.
    fileprivate func sharesMemory(with other: ByteBuffer) -> Bool {
        withVeryUnsafeBytesWithStorageManagement { _, own in
            other.withVeryUnsafeBytesWithStorageManagement { _, theirs in own.toOpaque() == theirs.toOpaque() }
        }
    }
}
