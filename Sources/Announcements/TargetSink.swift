import Domain

/// What came of handing events to a target. The texts hold no secret.
enum DeliveryOutcome: Sendable, Equatable {
    case delivered
    /// It will never take these: the next ones are tried.
    case refused(String)
    /// Worth another try.
    case failed(String, asked: Duration? = nil)
    /// There is nobody any more: give up until a person says otherwise.
    case gone(String)
}

/// Hands events to one target, in order, one call at a time.
protocol TargetSink: Sendable {
    func deliver(
        _ events: [EventRecord], isReplay: Bool, patience: DeliveryMachine.Patience
    ) async -> DeliveryOutcome
}

/// Appends events to a file, a line each.
struct FileSink: TargetSink {
    let file: String
    let files: any LineFiles

    func deliver(
        _ events: [EventRecord], isReplay: Bool, patience: DeliveryMachine.Patience
    ) async -> DeliveryOutcome {
        do {
            try await files.append(events.map { Array(EventText.json($0).utf8) }, to: file)
            return .delivered
        } catch {
            return .failed(error.description)
        }
    }
}
