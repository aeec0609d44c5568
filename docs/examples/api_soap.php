<?php
// A SOAP client in PHP. The WSDL of the emulator names the emulator, so nothing else changes.
$url = getenv("RESCUE_API_URL") ?: "https://secure.logmeinrescue.com/API";
$client = new SoapClient("$url/API.asmx?WSDL", ["cache_wsdl" => WSDL_CACHE_NONE]);

$user = ["sEmail" => getenv("RESCUE_API_EMAIL"), "sPassword" => getenv("RESCUE_API_PASSWORD")];
$code = $client->requestAuthCode($user)->sAuthCode;
$account = $client->getAccount(["sAuthCode" => $code]);
$asked = ["iNodeID" => $account->iAccountID, "eNodeRef" => "NODE", "sAuthCode" => $code];
$answer = $client->getSession_V3($asked);
if ($answer->getSession_V3Result !== "getSession_OK") {
    exit("getSession_V3: {$answer->getSession_V3Result}\n");
}
$sessions = $answer->aSessions->SESSION_V3 ?? [];
foreach (is_array($sessions) ? $sessions : [$sessions] as $session) {
    echo "$session->iID $session->sCustomField0 $session->sStatus\n";
}
