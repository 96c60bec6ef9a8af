// The page has nothing to do; the file is there so that every page has the same head.
