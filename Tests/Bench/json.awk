# Rows of run.sh as JSON: an array for each kind of row.

BEGIN {
  FS = "\t"
  fields["host"] = "workload unit floor_min floor_median min median aim"
  fields["boot"] = "cpu ram what figure"
  fields["ready"] = "screen instructions"
  fields["operation"] = "cpu name instructions"
  fields["size"] = "name bytes"
}

{
  count = split(fields[$1], name, " ")
  object = ""
  for (field = 1; field <= count; field++) {
    value = $(field + 1)
    if (value !~ /^[0-9.]+$/) value = "\"" value "\""
    object = object (field > 1 ? ", " : "") "\"" name[field] "\": " value
  }
  if (!($1 in rows)) kinds[++kindCount] = $1
  rows[$1] = rows[$1] (rows[$1] == "" ? "" : ",") "\n  {" object "}"
}

END {
  print "{"
  for (kind = 1; kind <= kindCount; kind++)
    printf "\"%s\": [%s\n]%s\n", kinds[kind], rows[kinds[kind]], kind < kindCount ? "," : ""
  print "}"
}
