# Rows of run.sh as a picture: what booting costs against RAM, and what an operation costs beside its
# floor. Both scales are logarithmic.

function text(x, y, words, more) { printf "<text x=\"%.1f\" y=\"%.1f\" %s>%s</text>\n", x, y, more, words }

function line(x1, y1, x2, y2, more) {
  printf "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1, x2, y2, more
}

function log10(number) { return log(number) / log(10) }

BEGIN { FS = "\t" }

$1 == "host" { name[++workloads] = $2; floor_[workloads] = $4; highland[workloads] = $6; aim[workloads] = $8 }

$1 == "boot" && $4 !~ /bytes|report/ {
  if (!($2 in cpus)) { cpus[$2] = ++cpuCount; cpu[cpuCount] = $2 }
  if (!($3 in rams)) { rams[$3] = ++ramCount; ram[ramCount] = $3 }
  boot[$2, $3] += $5
}

END {
  split("#1f6f8b #e07a2f #7a5195", colour, " ")
  label["max"] = "5 levels, 1 GiB pages"
  label["max,la57=off"] = "4 levels, 1 GiB pages"
  label["max,pdpe1gb=off"] = "5 levels, 2 MiB pages"
  rowHeight = 26
  height = 150 + workloads * rowHeight
  if (height < 480) height = 480
  printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1160\" height=\"%d\" " \
    "viewBox=\"0 0 1160 %d\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"13\" " \
    "fill=\"#333\">\n<rect width=\"1160\" height=\"%d\" fill=\"white\"/>\n", height, height, height

  # Boot: left 80 to 460, from 10^5 instructions at the bottom to 10^8 at the top.
  text(40, 36, "Boot against RAM", "font-size=\"18\" font-weight=\"bold\"")
  text(40, 58, "guest instructions, from parsing to all frames taken over", "fill=\"#777\"")
  (top = 90); (bottom = height - 110); (left = 80); (right = 450)
  for (decade = 5; decade <= 8; decade++) {
    y = bottom - (decade - 5) / 3 * (bottom - top)
    line(left, y, right, y, "stroke=\"#ddd\"")
    text(left - 10, y + 4, decade == 5 ? "100 k" : 10 ^ (decade - 6) " M", "text-anchor=\"end\"")
  }
  for (index_ = 1; index_ <= ramCount; index_++) {
    x[index_] = left + 30 + (index_ - 1) * (right - left - 60) / (ramCount > 1 ? ramCount - 1 : 1)
    text(x[index_], bottom + 22, ram[index_], "text-anchor=\"middle\"")
  }
  for (c = 1; c <= cpuCount; c++) {
    points = ""
    for (index_ = 1; index_ <= ramCount; index_++) {
      y = bottom - (log10(boot[cpu[c], ram[index_]]) - 5) / 3 * (bottom - top)
      points = points sprintf("%.1f,%.1f ", x[index_], y)
      printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" fill=\"%s\"/>\n", x[index_], y, colour[c]
    }
    printf "<polyline points=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"2\"/>\n", points, colour[c]
    y = bottom + 46 + (c - 1) * 20
    line(left, y - 4, left + 24, y - 4, "stroke-width=\"3\" stroke=\"" colour[c] "\"")
    text(left + 32, y, (cpu[c] in label) ? label[cpu[c]] : cpu[c])
  }

  # Operations: bars from 720 to 1030, from 0.1 ns to 1000 ns.
  text(520, 36, "Operations beside their floor in C", "font-size=\"18\" font-weight=\"bold\"")
  text(520, 58, "nanoseconds, the best round; right: how many times the floor", "fill=\"#777\"")
  (left = 720); (right = 1030)
  for (decade = -1; decade <= 3; decade++) {
    xx = left + (decade + 1) / 4 * (right - left)
    line(xx, 82, xx, 90 + workloads * rowHeight, "stroke=\"#ddd\"")
    text(xx, 108 + workloads * rowHeight, 10 ^ decade, "text-anchor=\"middle\"")
  }
  for (w = 1; w <= workloads; w++) {
    y = 90 + (w - 1) * rowHeight
    text(left - 12, y + 15, name[w], "text-anchor=\"end\"")
    bar(y + 2, floor_[w], "#b8c0c8")
    bar(y + 11, highland[w], "#1f6f8b")
    ratio = highland[w] / floor_[w]
    missed = aim[w] > 0 && ratio > aim[w]
    text(right + 20, y + 15, sprintf("%.2f", ratio) (missed ? ", aim " aim[w] : ""),
      missed ? "fill=\"#c0392b\"" : "")
  }
  y = 132 + workloads * rowHeight
  printf "<rect x=\"%d\" y=\"%d\" width=\"24\" height=\"9\" fill=\"#b8c0c8\"/>\n", left, y - 9
  text(left + 32, y, "floor in C")
  printf "<rect x=\"%d\" y=\"%d\" width=\"24\" height=\"9\" fill=\"#1f6f8b\"/>\n", left + 130, y - 9
  text(left + 162, y, "Highland")
  print "</svg>"
}

function bar(y, nanoseconds, fill,    width) {
  width = (log10(nanoseconds) + 1) / 4 * (right - left)
  if (width < 1) width = 1
  printf "<rect x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"9\" fill=\"%s\"/>\n", left, y, width, fill
}
