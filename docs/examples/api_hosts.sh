# Needs root. These clients have the vendor's host fixed and know no proxy: for them alone, that name is this machine.
rescue server --data state --api-tls 127.0.0.1:443 --json > ready.json &
trap 'kill $!' EXIT
until grep -q api_ca ready.json; do sleep 0.1; done

echo "127.0.0.1 localhost secure.logmeinrescue.com" > hosts
export SSL_CERT_FILE=$PWD/state/api-tls/ca.pem NODE_EXTRA_CA_CERTS=$PWD/state/api-tls/ca.pem
url=https://secure.logmeinrescue.com/API/logout.aspx
unshare --mount sh -c "
  mount --bind hosts /etc/hosts
  node -e 'require(\"https\").get(\"$url\", answer => answer.pipe(process.stdout))'
  php -r 'echo file_get_contents(\"$url\");'
"
