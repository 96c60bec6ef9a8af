#pragma once
// libavfilter's functions, by their own names: see filters.c. Their declarations are libavfilter's headers (CFFmpeg).
