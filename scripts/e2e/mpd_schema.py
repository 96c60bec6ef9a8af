"""What the schema of MPEG-DASH (ISO/IEC 23009-1, Annex B) says of the elements a live manifest uses: their order, attributes and types.

No package that can be installed brings the schema, so this is our own writing of as much of it as the manifest needs. What is not
listed here may be allowed by the schema and is refused all the same: it is new, and belongs into the table first.
"""

import re

UINT = r"\d{1,10}"
ULONG = r"\d{1,19}"
DURATION = r"PT?(\d+Y)?(\d+M)?(\d+D)?(T?(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)"
DATE_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"
TEXT = r"(?s).*"
URI = r"[^\s<>\"{}|\\^`]*"
TOKEN = r"\S+"
RATE = r"\d+(/[1-9]\d*)?"
BOOLEAN_OR_UINT = r"true|false|\d+"

DESCRIPTOR = ([], {"schemeIdUri": URI, "value": TEXT, "id": TEXT}, {"schemeIdUri"})

# Those that adaptation sets and representations share: their elements come before the own ones.
COMMON = (["FramePacking", "AudioChannelConfiguration", "ContentProtection", "EssentialProperty", "SupplementalProperty",
           "InbandEventStream"],
          {"profiles": TEXT, "width": UINT, "height": UINT, "sar": r"\d*:\d*", "frameRate": RATE, "audioSamplingRate": r"\d+( \d+)?",
           "mimeType": r"[a-z]+/[\w.+-]+", "codecs": TEXT, "startWithSAP": r"[0-6]", "maxPlayoutRate": r"\d+(\.\d+)?"})

# By name: children in order, attributes with what they hold, attributes there must be.
ELEMENTS = {
    "MPD": (["ProgramInformation", "BaseURL", "Location", "ServiceDescription", "Period", "Metrics", "EssentialProperty",
             "SupplementalProperty", "UTCTiming"],
            {"id": TEXT, "profiles": r"[^\s,]+(,[^\s,]*)*", "type": "static|dynamic", "availabilityStartTime": DATE_TIME,
             "availabilityEndTime": DATE_TIME, "publishTime": DATE_TIME, "mediaPresentationDuration": DURATION,
             "minimumUpdatePeriod": DURATION, "minBufferTime": DURATION, "timeShiftBufferDepth": DURATION,
             "suggestedPresentationDelay": DURATION, "maxSegmentDuration": DURATION},
            # Of a dynamic one §5.3.1.2 wants the times as well.
            {"profiles", "minBufferTime", "availabilityStartTime", "publishTime"}),
    "Location": ([], {}, set()),
    "Period": (["BaseURL", "AssetIdentifier", "EventStream", "ServiceDescription", "AdaptationSet", "SupplementalProperty"],
               {"id": TEXT, "start": DURATION, "duration": DURATION}, {"id", "start"}),
    "EventStream": (["Event"], {"schemeIdUri": URI, "value": TEXT, "timescale": UINT, "presentationTimeOffset": ULONG}, {"schemeIdUri"}),
    "Event": ([], {"presentationTime": ULONG, "duration": ULONG, "id": UINT, "messageData": TEXT}, set()),
    "AdaptationSet": (COMMON[0] + ["Accessibility", "Role", "Rating", "Viewpoint", "BaseURL", "SegmentTemplate", "Representation"],
                      {**COMMON[1], "id": UINT, "group": UINT, "lang": r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*",
                       "contentType": "text|image|audio|video|application|font", "segmentAlignment": BOOLEAN_OR_UINT}, set()),
    "Representation": (COMMON[0] + ["BaseURL", "SegmentTemplate"], {**COMMON[1], "id": TOKEN, "bandwidth": UINT}, {"id", "bandwidth"}),
    "SegmentTemplate": (["SegmentTimeline"],
                        {"timescale": UINT, "presentationTimeOffset": ULONG, "duration": UINT, "startNumber": UINT,
                         "initialization": TEXT, "media": TEXT}, set()),
    "SegmentTimeline": (["S"], {}, set()),
    "S": ([], {"t": ULONG, "n": ULONG, "d": ULONG, "r": r"-?\d+"}, {"d"}),
    "Role": DESCRIPTOR,
    "UTCTiming": DESCRIPTOR,
    "AudioChannelConfiguration": DESCRIPTOR,
}
# Of these there is one at most, or one at least.
SINGLE = {("Period", "AssetIdentifier"), ("AdaptationSet", "SegmentTemplate"), ("Representation", "SegmentTemplate"),
          ("SegmentTemplate", "SegmentTimeline")}
NEEDED = {("MPD", "Period"), ("SegmentTimeline", "S")}


def check(element, namespace):
    """Holds an element and all below it against the tables."""
    assert element.tag.startswith(namespace), f"{element.tag} is of another namespace"
    name = element.tag.removeprefix(namespace)
    assert name in ELEMENTS, f"{name} is not in the tables"
    order, attributes, needed = ELEMENTS[name]
    for key, value in element.attrib.items():
        assert key in attributes, f"{name} has no attribute {key}"
        assert re.fullmatch(attributes[key], value), f"{name}@{key} = {value!r}"
    assert needed <= set(element.attrib), f"{name} lacks {needed - set(element.attrib)}"
    children = [child.tag.removeprefix(namespace) for child in element]
    places = [order.index(child) if child in order else -1 for child in children]
    assert -1 not in places, f"{name} has no {children[places.index(-1)]}"
    assert places == sorted(places), f"{name} has {children}, but their order is {order}"
    for parent, child in SINGLE | NEEDED:
        if parent == name:
            count = children.count(child)
            assert count <= 1 if (parent, child) in SINGLE else count >= 1, f"{name} has {count} {child}"
    for child in element:
        check(child, namespace)
