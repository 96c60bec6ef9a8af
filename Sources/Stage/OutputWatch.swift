import Domain
import OBSProtocol

/// Judges what OBS says of its outputs: a stream that stopped, frames that do not leave. Pure.
struct OutputWatch: Sendable {
    struct Sample: Sendable, Equatable {
        var isStreaming: Bool
        var isReconnecting: Bool
        var isRecording: Bool
        /// Since OBS began to stream.
        var skipped: Double
        var total: Double
    }

    enum Finding: Sendable, Equatable {
        /// Without anybody here having asked for it.
        case stopped(String)
        case dropping(percent: Int)
        /// As wished by nobody any more, or not yet: ask again. `stream` or `record`.
        case askAgain(String)
    }

    static let interval: Duration = .seconds(5)
    /// Told when so much of a span's frames did not leave, in hundredths, and again only after it was below.
    static let tellingPercent = 5
    private static let fewestFrames = 30.0
    private static let maximumAsking = 3

    private var last: Sample?
    /// Whether it runs, of `stream` and `record`, by the newest sample or event.
    private var isOn: [String: Bool] = [:]
    /// Of the newest span, 0…1.
    private(set) var dropped: Double?
    private var isDropping = false
    private var asked: [String: Int] = [:]

    static let requests: [OBSRequest] = [.getStreamStatus(), .getRecordStatus(), .getStats()]

    /// - Returns: `nil` where the answers are none.
    static func sample(_ replies: [OBSReply]) -> Sample? {
        guard replies.count >= 2, let stream = OBSGetStreamStatusAnswer(replies[0].data),
            let record = OBSGetRecordStatusAnswer(replies[1].data)
        else { return nil }
        return Sample(
            isStreaming: stream.outputActive, isReconnecting: stream.outputReconnecting,
            isRecording: record.outputActive, skipped: stream.outputSkippedFrames, total: stream.outputTotalFrames)
    }

    mutating func sampled(_ sample: Sample, wantsStream: Bool?, wantsRecord: Bool?) -> [Finding] {
        var findings: [Finding] = []
        let before = last
        last = sample
        for (name, isOn, wanted) in [
            ("stream", sample.isStreaming, wantsStream), ("record", sample.isRecording, wantsRecord),
        ] {
            if let stop = changed(name, isOn: isOn, wanted: wanted) { findings.append(stop) }
            if let wanted, wanted != isOn {
                asked[name, default: 0] += 1
                if asked[name, default: 0] <= Self.maximumAsking { findings.append(.askAgain(name)) }
            } else {
                asked[name] = 0
            }
        }
        findings += drops(before, sample)
        return findings
    }

    /// An output began or ended, as an event says; what begins and ends between two samples is seen by these alone.
    /// - Parameter name: `stream` or `record`.
    mutating func changed(_ name: String, isOn: Bool, wanted: Bool?) -> Finding? {
        let was = self.isOn.updateValue(isOn, forKey: name)
        return was == true && !isOn && wanted != false ? .stopped(name) : nil
    }

    private mutating func drops(_ before: Sample?, _ sample: Sample) -> [Finding] {
        guard sample.isStreaming, let before, before.isStreaming, sample.total >= before.total else {
            dropped = nil
            return []
        }
        let total = sample.total - before.total
        guard total >= Self.fewestFrames else { return [] }
        let share = max(0, min(1, (sample.skipped - before.skipped) / total))
        dropped = share
        let percent = Int((share * 100).rounded())
        defer { isDropping = percent >= Self.tellingPercent }
        return percent >= Self.tellingPercent && !isDropping ? [.dropping(percent: percent)] : []
    }
}
