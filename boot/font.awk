# Turns the pictures of boot/font.txt into nasm: for each glyph its code point, the character that
# stands in for it on a VGA in text mode, and its 16 rows from the top, the leftmost pixel being the
# highest bit.

function fail(words) {
  print FILENAME ":" FNR ": " words > "/dev/stderr"
  failed = 1
  exit 1
}

/^(;|$)/ { next }

/^U\+/ {
  if (row % 16) fail("the pictures above are not 16 rows high")
  row = 0
  count = NF
  for (i = 1; i <= NF; i++) {
    if ($i !~ /^U\+[0-9A-F]+(=[0-9a-f]+)?$/) fail("not a code point: " $i)
    split(substr($i, 3), parts, "=")
    if (parts[1] in seen) fail("a second picture of " $i)
    seen[parts[1]]
    header[i] = "  dd 0x" parts[1] ", 0x" ($i ~ /=/ ? parts[2] : parts[1])
  }
  next
}

{
  if (row == 16) fail("the pictures are more than 16 rows high")
  if (NF != count) fail(NF " pictures under " count " code points")
  for (i = 1; i <= NF; i++) {
    if ($i !~ /^[.#]+$/ || length($i) != 8) fail("not a row of 8 pixels: " $i)
    bits = $i
    gsub(/\./, "0", bits)
    gsub(/#/, "1", bits)
    rows[i] = (row ? rows[i] ", " : "") bits "b"
  }
  if (++row == 16) for (i = 1; i <= NF; i++) print header[i] "\n  db " rows[i]
}

END {
  if (!failed && row % 16) fail("the last pictures are not 16 rows high")
}
