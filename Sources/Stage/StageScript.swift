import Domain
import OBSProtocol

/// What one studio is told to do: presets, which follow the queue by themselves, and rules, each on kinds of events.
struct StageScript: Sendable, Equatable {
    struct Rule: Sendable, Equatable {
        var kinds: [String]
        var requests: [OBSRequest]
    }

    var presets: StudioPresets
    var rules: [Rule]

    /// These two are told by the queue's view itself, so that they come while the database is away, and once each.
    static let onAirStarted = "onair.started"
    static let slateStarted = "slate.started"

    /// - Throws: `StudioError.invalid` with the rule that was broken.
    init(presets: StudioPresets, rules: String) throws(StudioError) {
        self.presets = presets
        self.rules = try Self.rules(rules)
    }

    // MARK: What is to be done

    /// What the presets want to be seen, whatever happened before.
    func standing(_ facts: StageFacts) -> [StageItem] {
        guard let showing = facts.showing else { return [] }
        var items: [StageItem] = []
        func text(_ input: String?, _ value: String, isQuiet: Bool = false) {
            guard let input else { return }
            items.append(
                StageItem(
                    .setInputSettings(
                        inputName: input, inputSettings: .object(["text": .string(value)]), overlay: true),
                    isQuiet: isQuiet))
        }
        text(presets.djText, facts.dj)
        text(presets.nextText, facts.next)
        text(presets.timerText, facts.remaining, isQuiet: true)
        if let scene = showing == .slate ? presets.slateScene : presets.liveScene {
            items.append(StageItem(.setCurrentProgramScene(sceneName: scene)))
        }
        return items
    }

    /// What an event of this kind asks for beside that.
    func items(on kind: String, _ facts: StageFacts) -> [StageItem] {
        var items: [StageItem] = []
        if kind == Self.onAirStarted {
            if let input = presets.restartMedia {
                items.append(
                    StageItem(
                        .triggerMediaInputAction(
                            inputName: input, mediaAction: OBSMediaInputAction.restart.rawValue)))
            }
            if let input = presets.refreshBrowser {
                items.append(
                    StageItem(
                        .pressInputPropertiesButton(inputName: input, propertyName: StageRequests.refreshButton)))
            }
        }
        for rule in rules where EventFilter(kinds: rule.kinds).matches(kind: kind, channel: .main) {
            items += rule.requests.map { StageItem($0.filled(facts)) }
        }
        return items
    }

    /// All that `kind` would send now.
    func batch(on kind: String, _ facts: StageFacts) -> OBSBatch {
        let isTransition = [Self.onAirStarted, Self.slateStarted].contains(kind)
        let items = (isTransition ? standing(facts) : []) + self.items(on: kind, facts)
        return OBSBatch(StageItem.merged(items).flatMap(\.requests))
    }

    // MARK: Reading rules

    private static func rules(_ text: String) throws(StudioError) -> [Rule] {
        guard text.utf8.count <= StudioLimits.maximumRulesBytes else {
            throw invalid("Rules take up to \(StudioLimits.maximumRulesBytes) bytes.")
        }
        let json: JSON
        do {
            json = try JSON(text)
        } catch {
            throw invalid("This is no JSON: \(error).")
        }
        guard let list = json.array, list.count <= StudioLimits.maximumRules else {
            throw invalid("Rules are an array of at most \(StudioLimits.maximumRules).")
        }
        var rules: [Rule] = []
        for (index, entry) in list.enumerated() { rules.append(try rule(entry, number: index + 1)) }
        return rules
    }

    private static func rule(_ json: JSON, number: Int) throws(StudioError) -> Rule {
        guard let fields = json.object, Set(fields.keys).isSubset(of: ["on", "requests"]),
            let kinds = json["on"]?.array?.compactMap(\.string), !kinds.isEmpty, let requests = json["requests"]?.array,
            (1...StudioLimits.maximumRequestsOfARule).contains(requests.count)
        else {
            throw invalid(
                "Rule \(number) is not {\"on\": [KIND, …], \"requests\": [1 to \(StudioLimits.maximumRequestsOfARule)]}."
            )
        }
        guard kinds.allSatisfy(EventFilter.isPattern), !kinds.contains(where: { $0 == "*" || $0.hasPrefix("obs.") })
        else {
            throw invalid(
                "Rule \(number): a kind is one of docs/events.md or the beginning of some as in queue.*; not * and not obs.*, which "
                    + "rules themselves bring about.")
        }
        var read: [OBSRequest] = []
        for request in requests {
            do throws(StageRequests.Refusal) {
                read.append(try StageRequests.request(request))
            } catch {
                throw invalid("Rule \(number): \(error.reason).")
            }
        }
        return Rule(kinds: kinds, requests: read)
    }

    private static func invalid(_ reason: String) -> StudioError { .invalid(field: "rules", reason: reason) }
}

extension OBSRequest {
    /// With the placeholders in all its texts filled.
    func filled(_ facts: StageFacts) -> OBSRequest {
        var request = self
        request.data = data.mapValues { $0.filled(facts) }
        return request
    }
}

extension JSON {
    fileprivate func filled(_ facts: StageFacts) -> JSON {
        switch self {
        case .string(let text): .string(facts.filled(text))
        case .array(let values): .array(values.map { $0.filled(facts) })
        case .object(let fields): .object(fields.mapValues { $0.filled(facts) })
        case .null, .bool, .number: self
        }
    }
}
