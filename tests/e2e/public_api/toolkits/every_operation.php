<?php
// Reads the WSDL, makes the calls that come as JSON on stdin, and prints what each one answered.
// argv: the WSDL's URL, and the port. In: [["operation", {"element": value}], ...]. Out: [[result word, outs], ...].
$version = $argv[2] === "APISoap12" ? SOAP_1_2 : SOAP_1_1;
$client = new SoapClient($argv[1], ["soap_version" => $version, "cache_wsdl" => WSDL_CACHE_NONE]);
$answers = [];
foreach (json_decode(stream_get_contents(STDIN), true) as [$name, $given]) {
    $answer = get_object_vars($client->__soapCall($name, [$given]));
    $word = $answer["{$name}Result"];
    unset($answer["{$name}Result"]);
    $answers[] = [$word, (object) $answer];
}
echo json_encode($answers), "\n";
