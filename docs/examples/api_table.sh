# A table for a spreadsheet or a database: drop "OK" and the empty line, and read columns by the delimiter.
email=$RESCUE_API_EMAIL password=$RESCUE_API_PASSWORD
code=$(curl -sS --data-urlencode "email=$email" --data-urlencode "pwd=$password" "$RESCUE_API_URL/requestAuthCode.aspx" |
  sed -n 's/^AUTHCODE://p')
node=$(curl -sS "$RESCUE_API_URL/getAccount.aspx?authcode=$code" | sed -n 's/^AccountID://p')
curl -sS "$RESCUE_API_URL/getSession_v3.aspx?node=$node&authcode=$code" |
  awk -F '|' 'NR == 3 { for (i = 1; i <= NF; i++) column[$i] = i }
              NR > 3 { print $column["ID"], $column["Custom Field 0"], $column["Status"] }'
