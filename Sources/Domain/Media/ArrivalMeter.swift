/// How a publisher's media arrives against our clock: since when without a gap, and how far its timestamps run ahead of their
/// arrival. Part of `DelayLineStore`; fed with every unit.
struct ArrivalMeter {
    /// Nothing for this long is a stall; what comes after it begins anew.
    static let gap: Int64 = 1_000_000_000

    private(set) var first: Int64?
    private(set) var newest: Int64?
    /// When arrival began again after the last stall; `nil` without one.
    private(set) var steadySince: Int64?
    private(set) var videoLead = LeadMeter()
    private(set) var audioLead = LeadMeter()
    /// Of all that arrived, kept or not.
    private(set) var newestVideo: MediaTime?
    private(set) var newestAudio: MediaTime?

    mutating func arrived(_ unit: AccessUnit, at arrival: Int64) {
        if let newest, arrival - newest > Self.gap { steadySince = arrival }
        first = first ?? arrival
        newest = arrival
        switch unit.track {
        case .video:
            newestVideo = unit.decodeTime
            videoLead.observe(unit.decodeTime, at: arrival)
        case .audio:
            newestAudio = unit.presentationTime
            audioLead.observe(unit.presentationTime, at: arrival)
        }
    }
}

/// The greatest lead (timestamp − arrival) of the last five to ten seconds: what arrived with the least delay says how the two
/// clocks stand to each other, whatever jitter and stalls do to the rest.
struct LeadMeter {
    static let window: Int64 = 5_000_000_000

    private var began: Int64?
    private var present: Int64 = 0
    private var before: Int64?

    /// Nanoseconds; only differences of it mean anything. `nil` before the first unit.
    var best: Int64? {
        guard began != nil else { return nil }
        return before.map { max($0, present) } ?? present
    }

    mutating func observe(_ time: MediaTime, at arrival: Int64) {
        let lead = time.nanoseconds - arrival
        guard let began else {
            self.began = arrival
            present = lead
            return
        }
        if arrival - began >= Self.window {
            before = present
            present = lead
            self.began = arrival
        } else {
            present = max(present, lead)
        }
    }
}
