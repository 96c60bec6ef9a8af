import Domain
import Testing

@testable import Announcements

/// When a target is tried again, and when it is given up.
struct DeliveryMachineTests {
    private let start = WallTime(milliseconds: 1_795_291_200_000)

    private func machine() -> DeliveryMachine { DeliveryMachine(TargetProgress(), parkAfter: .seconds(86_400)) }

    /// Fails at once, as soon as it may, for `span`; the pauses between the tries.
    private func pauses(for span: Duration, chance: Double) -> [Duration] {
        var machine = machine()
        var now = start
        var pauses: [Duration] = []
        while now - start < span {
            guard case .retry(let at) = machine.failed("no", began: now, now: now, chance: chance) else { break }
            pauses.append(at - now)
            now = at
        }
        return pauses
    }

    @Test func pausesGrowToACapAndAreJittered() {
        let longest = pauses(for: .seconds(30), chance: 1)
        #expect(longest.prefix(5).map(\.wholeMilliseconds) == [500, 1000, 2000, 4000, 4000])
        let shortest = pauses(for: .seconds(30), chance: 0)
        #expect(shortest.prefix(4).map(\.wholeMilliseconds) == [375, 750, 1500, 3000])
    }

    @Test func aTargetThatReturnsWithinAQuarterOfAnHourIsTriedWithinFourSeconds() {
        #expect(pauses(for: .seconds(890), chance: 1).allSatisfy { $0 <= .seconds(4) })
        let day = pauses(for: .seconds(80_000), chance: 1)
        #expect(day.contains(.seconds(15)) && day.max() == .seconds(60))
        // Not more than a handful of requests a minute in the long run.
        #expect(day.count < 1700)
    }

    @Test func aTryThatTookLongIsFollowedAtOnce() {
        var machine = machine()
        let verdict = machine.failed("late", began: start, now: start + .seconds(10), chance: 1)
        #expect(verdict == .retry(at: start + .milliseconds(10_250)))
    }

    @Test func tryWhileItDoesNotAnswerAreShortWithALongOneNowAndThen() {
        var machine = machine()
        #expect(machine.patience == .full)
        var seen: [DeliveryMachine.Patience] = []
        for _ in 1...12 {
            _ = machine.failed("no", began: start, now: start, chance: 0)
            seen.append(machine.patience)
        }
        #expect(seen.filter { $0 == .hedged }.count == 2 && seen.filter { $0 == .brief }.count == 10)
        machine.succeeded(1, now: start)
        #expect(machine.patience == .full)
    }

    @Test func heedsWhatItIsAskedButNotForEver() {
        var machine = machine()
        #expect(
            machine.failed("busy", began: start, now: start, asked: .seconds(77), chance: 0)
                == .retry(at: start + .seconds(77)))
        #expect(
            machine.failed("busy", began: start, now: start, asked: .seconds(900_000), chance: 0)
                == .retry(at: start + .seconds(3600)))
    }

    @Test func parksWhatTookNothingForADayWithTheReason() {
        var machine = machine()
        _ = machine.failed("nobody answers there", began: start, now: start, chance: 0)
        let late = start + .seconds(86_399)
        guard case .retry = machine.failed("x", began: late, now: late, chance: 0) else {
            Issue.record("parked too early")
            return
        }
        let over = start + .seconds(86_400)
        let verdict = machine.failed("nobody answers there", began: over, now: over, chance: 0)
        #expect(verdict == .park(reason: "nothing was taken for 24 h; the last reason: nobody answers there"))
        #expect(machine.progress.parkedAt == over && machine.progress.nextTry == nil)
    }

    @Test func parksWhatRefusesEverythingForADay() {
        var machine = machine()
        for hour in 0..<24 {
            #expect(machine.refused("it answered 404", now: start + .seconds(3600 * hour)) == nil)
        }
        #expect(machine.progress.refused == 24 && machine.patience == .full)
        guard case .park = machine.refused("it answered 404", now: start + .seconds(86_400)) else {
            Issue.record("not parked")
            return
        }
    }

    @Test func aSuccessForgetsTheFailures() {
        var machine = machine()
        _ = machine.failed("x", began: start, now: start, chance: 0)
        machine.succeeded(3, now: start + .seconds(9))
        #expect(machine.progress == TargetProgress(lastDeliveredAt: start + .seconds(9), delivered: 3))
    }
}

/// Which events a target gets.
struct EventFilterTests {
    @Test func patternsMatchWholeParts() throws {
        let other = try #require(ChannelName("other"))
        let filter = EventFilter(kinds: ["queue.*", "onair.started"], channels: [.main])
        for (kind, isWanted) in [
            ("queue.joined", true), ("queue.left", true), ("queuex.left", false), ("queue", false),
            ("onair.started", true),
            ("onair.started.x", false), ("onair.ended", false),
        ] {
            #expect(filter.matches(kind: kind, channel: .main) == isWanted, "\(kind)")
        }
        #expect(!filter.matches(kind: "queue.left", channel: other))
        #expect(EventFilter().matches(kind: "x", channel: other))
        #expect(EventFilter(kinds: ["*"]).matches(kind: "x", channel: other))
    }

    @Test func readsPatterns() {
        for good in ["*", "queue.*", "queue.joined", "queue.slotChanged", "a"] { #expect(EventFilter.isPattern(good)) }
        for bad in ["", ".*", "queue*", "*.joined", "queue.**", "que ue", "queue.1", String(repeating: "a", count: 65)]
        {
            #expect(!EventFilter.isPattern(bad), "\(bad)")
        }
    }
}
