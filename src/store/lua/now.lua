-- Redis's time, or the manual clock of a test.
-- KEYS: none. ARGV: none. Returns: ms as text.
return text(now())
